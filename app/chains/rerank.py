"""Lets the chat model order what was found, as a LangChain document compressor; off unless the settings ask for it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import BaseModel, ConfigDict, Field, InstanceOf

from app.chains.prompts import RERANK_PROMPT, fence_documents, fresh_nonce
from app.errors import ConfigurationError
from app.models.chat import ChatModel
from app.models.reranker import Reranker, load_reranker
from app.settings import MODEL_RERANKER, Settings, environment_name


class Ranking(BaseModel):
    """Passages that help to answer, best first."""

    numbers: list[int] = Field(description="Numbers of the passages that help, best first")


class ModelCompressor(BaseDocumentCompressor):
    """Keeps the documents that the chat model calls helpful, in its order.

    Blocking, and not to be called in an event loop's thread.

    Raises:
        ModelError: no usable answer was to be had.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True, frozen=True)

    model: InstanceOf[ChatModel]

    def compress_documents(
        self,
        documents: Sequence[Document],
        query: str,
        callbacks: Callbacks | None = None,  # noqa: ARG002  # the interface has it
    ) -> Sequence[Document]:
        nonce = fresh_nonce()
        messages = RERANK_PROMPT.format_messages(
            nonce=nonce, sources=fence_documents(documents, nonce), question=query
        )
        ranking = asyncio.run(self.model.structured(messages, Ranking))
        numbers = dict.fromkeys(number for number in ranking.numbers if 1 <= number <= len(documents))
        return [documents[number - 1] for number in numbers]


def build_reranker(settings: Settings, chat_model: ChatModel | None) -> Reranker | None:
    """Build what `LLMOPS_RERANKER` names; None when it names nothing.

    Raises:
        ConfigurationError: it cannot be imported, or it is the chat model and there is none.
    """
    if settings.reranker is None:
        return None
    if settings.reranker != MODEL_RERANKER:
        return load_reranker(settings.reranker)
    if chat_model is None:
        raise ConfigurationError(
            f"{environment_name('reranker')}={settings.reranker!r} needs a chat model: set OPENAI_API_KEY or "
            "LLMOPS_CHAT_MODEL"
        )
    return Reranker(chat_model.name, ModelCompressor(model=chat_model))
