"""What the tests of the chains stand on: chunks of made-up documents, a scripted chat model, a recording sink."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence

import numpy as np
from langchain_core.messages import BaseMessage
from numpy.typing import NDArray

from app.errors import ModelError
from app.knowledge.records import Chunk, Hit
from app.models.chat import ChatModel, OnToken

Script = Callable[[str], str | ModelError]
"""What the model makes of the text of a whole prompt."""


class ScriptedModel(ChatModel):
    """Answers by script; before an error it streams `broken_beginning`."""

    def __init__(self, script: Script, *, broken_beginning: str = "") -> None:
        self.name = "fake:scripted"
        self.prompts: list[str] = []
        self.running = self.most_running = 0
        self._script = script
        self._broken_beginning = broken_beginning

    async def complete(self, messages: Sequence[BaseMessage], *, on_token: OnToken | None = None) -> str:
        self.prompts.append("\n".join(str(message.content) for message in messages))
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        try:
            await asyncio.sleep(0)
            reply = self._script(self.prompts[-1])
        finally:
            self.running -= 1
        failed = isinstance(reply, ModelError)
        for word in (self._broken_beginning if failed else str(reply)).split(" "):
            if on_token is not None and word:
                on_token(f"{word} ")
        if isinstance(reply, ModelError):
            raise reply
        return reply


class Recorder:
    """A `TokenSink` that keeps what is valid and why it was reset."""

    def __init__(self) -> None:
        self.text = ""
        self.pieces = 0
        self.resets: list[str] = []

    def token(self, text: str) -> None:
        self.text += text
        self.pieces += 1

    def reset(self, reason: str) -> None:
        self.text = ""
        self.resets.append(reason)


class Library:
    """Stored texts by document id, cut into chunks at blank lines."""

    def __init__(self, documents: Mapping[str, str]) -> None:
        self.texts = dict(documents)
        self.chunks = [chunk for name in documents for chunk in self._cut(name)]

    def text_of(self, document_id: str) -> str:
        return self.texts[document_id]

    def evidence(self) -> list[Hit]:
        return [Hit(chunk, 0.9 - 0.1 * min(rank, 8), None, None) for rank, chunk in enumerate(self.chunks)]

    def _cut(self, name: str) -> list[Chunk]:
        chunks: list[Chunk] = []
        start = 0
        for ordinal, part in enumerate(self.texts[name].split("\n\n")):
            chunks.append(make_chunk(part, document_id=name, start=start, ordinal=ordinal))
            start += len(part) + 2
        return chunks


def make_chunk(text: str, *, document_id: str = "doc", start: int = 0, ordinal: int = 0) -> Chunk:
    return Chunk(
        chunk_no=ordinal,
        chunk_id=f"{document_id}:{ordinal}",
        document_id=document_id,
        document_name=f"{document_id}.txt",
        collection="default",
        ordinal=ordinal,
        page=ordinal + 1,
        char_start=start,
        char_end=start + len(text),
        text=text,
        section=None,
        metadata={},
    )


def count_words(texts: Sequence[str]) -> NDArray[np.float32]:
    """Vectors whose cosine says how many words two texts share; stands in for an embedding model."""
    rows = np.zeros((len(texts), 512), dtype=np.float32)
    for row, text in zip(rows, texts, strict=True):
        for word in text.lower().split():
            row[sum(word.encode()) % 512] += 1.0
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    normalised: NDArray[np.float32] = rows / np.maximum(norms, 1e-6)
    return normalised
