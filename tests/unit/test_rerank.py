"""The optional reranker: what it changes, what it leaves, and what happens when it fails."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from langchain_core.callbacks import Callbacks
from langchain_core.documents import BaseDocumentCompressor, Document
from pydantic import ConfigDict

from app.chains.rerank import build_reranker
from app.errors import ConfigurationError
from app.knowledge import Knowledge, open_knowledge
from app.models.chat import build_chat_model
from app.models.reranker import Reranker
from app.settings import Settings, load_settings
from tests.knowledge_base import add_document, fake_model
from tests.stub_openai import StubOpenAI

TEXTS = ["rent rent rent rent", "rent rent and deposit", "rent and deposit and holiday", "holiday, rent paid"]


class Backwards(BaseDocumentCompressor):
    """Turns the order round and keeps at most `kept`; raises when told to."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    kept: int = 100
    error: Exception | None = None

    def compress_documents(
        self, documents: Sequence[Document], query: str, callbacks: Callbacks | None = None
    ) -> Sequence[Document]:
        if self.error is not None:
            raise self.error
        return [
            Document(page_content=document.page_content, metadata=document.metadata)
            for document in reversed(documents)
        ][: self.kept]


AN_INSTANCE = Backwards(kept=1)
NOT_A_COMPRESSOR = "text"


def refuse() -> Backwards:
    raise RuntimeError("no licence")


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    with open_knowledge(load_settings(data_dir=tmp_path), fake_model()) as knowledge:
        for text in TEXTS:
            add_document(knowledge.store, [text], name=text)
        yield tmp_path


def search(
    folder: Path, compressor: BaseDocumentCompressor | None, **options: bool
) -> tuple[list[str], list[float], tuple[str, ...]]:
    reranker = Reranker("fake", compressor) if compressor is not None else None
    with open_knowledge(load_settings(data_dir=folder), fake_model(), reranker) as knowledge:
        return found_by(knowledge, **options)


def found_by(knowledge: Knowledge, **options: bool) -> tuple[list[str], list[float], tuple[str, ...]]:
    found = knowledge.retriever.search("rent", k=3, **options)
    return [hit.chunk.text for hit in found.hits], [hit.score for hit in found.hits], found.degraded


def test_the_order_is_the_rerankers_and_the_scores_keep_falling(folder: Path) -> None:
    everything, scores, _ = search(folder, None)
    reranked, new_scores, degraded = search(folder, Backwards())
    last = next(text for text in TEXTS if text not in everything)
    assert reranked == [last, everything[2], everything[1]]
    assert (new_scores, degraded) == (scores, ())


def test_what_it_drops_comes_last(folder: Path) -> None:
    everything, _, _ = search(folder, None)
    reranked, _, _ = search(folder, Backwards(kept=1))
    assert reranked[1:] == everything[:2]


@pytest.mark.parametrize("error", [RuntimeError("out of memory"), TimeoutError(), KeyError("x")])
def test_when_it_fails_the_order_stays_and_says_so(folder: Path, error: Exception) -> None:
    everything, scores, _ = search(folder, None)
    assert search(folder, Backwards(error=error)) == (everything, scores, ("reranker_unavailable",))


def test_a_search_may_leave_it_out(folder: Path) -> None:
    assert search(folder, Backwards(), rerank=False) == search(folder, None)


@pytest.mark.parametrize("name", ["Backwards", "AN_INSTANCE"])
def test_it_is_imported_by_its_path(name: str) -> None:
    reranker = build_reranker(load_settings(reranker=f"{__name__}:{name}"), None)
    assert reranker is not None
    assert type(reranker.compressor).__name__ == "Backwards"


@pytest.mark.parametrize(
    "value",
    [
        "somewhere",
        "no.such.module:Thing",
        f"{__name__}:missing",
        f"{__name__}:NOT_A_COMPRESSOR",
        f"{__name__}:refuse",
        "llm",
    ],
)
def test_one_that_cannot_be_used_is_refused_by_name(value: str) -> None:
    with pytest.raises(ConfigurationError, match="LLMOPS_RERANKER=") as refused:
        build_reranker(load_settings(reranker=value, openai_api_key=None, chat_model=None), None)
    assert repr(value) in str(refused.value)


def model_settings(stub: StubOpenAI, folder: Path) -> Settings:
    return load_settings(
        data_dir=folder,
        reranker="llm",
        openai_api_key="sk-test",
        openai_base_url=stub.base_url,
        model_max_retries=0,
    )


def test_the_chat_model_may_choose(folder: Path) -> None:
    everything, _, _ = search(folder, None)
    with StubOpenAI(reply_structured=lambda *_: {"numbers": [3, 99, 3, 1]}) as stub:
        settings = model_settings(stub, folder)
        reranker = build_reranker(settings, build_chat_model(settings))
        with open_knowledge(load_settings(data_dir=folder), fake_model(), reranker) as knowledge:
            assert found_by(knowledge)[0] == [everything[2], everything[0], everything[1]]
            assert all(text in stub.requests[-1].prompt for text in TEXTS)
            stub.mode = "500"
            texts, _, degraded = found_by(knowledge)
    assert (texts, degraded) == (everything, ("reranker_unavailable",))
