"""A knowledge base moves to another embedding model as a whole or not at all, and never does the same work twice."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import EmbeddingModelMismatch, InvalidRequest, ModelRateLimited, ModelUnavailable
from app.ingestion.indexer import CHUNKS_PER_BATCH
from app.ingestion.reembed import reembed
from app.knowledge.store import KnowledgeStore, open_store
from app.models.embeddings import EmbeddingModel
from tests.fixtures.measures import FourLetterPieces
from tests.knowledge_base import DIMENSION, WordHashes, add_document, fake_model, open_test_knowledge
from tests.postgres import database_url

OTHER, THIRD = "fake:other", "fake:third"
PIECES = FourLetterPieces()


class CountingModel:
    """Embeds as `fake_model` does, notes each text, and fails at the batches told with the error told."""

    def __init__(self, name: str = OTHER, failures: dict[int, Exception] | None = None) -> None:
        self.name = name
        self.texts: list[str] = []
        self._failures = failures or {}
        self._calls = 0

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self._calls += 1
        if self._calls in self._failures:
            raise self._failures[self._calls]
        self.texts += texts
        return fake_model().embed(texts)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KnowledgeStore]:
    """Two chunks that were embedded by `fake:words`."""
    with open_test_knowledge(tmp_path) as knowledge:
        add_document(knowledge.store, ["The rent is due on Monday.", "The deposit is returned in May."])
    with open_store(database_url(tmp_path), tmp_path) as store:
        yield store


@pytest.fixture
def large(store: KnowledgeStore) -> KnowledgeStore:
    """More chunks than three batches hold."""
    add_document(
        store, [f"Clause {number} of the lease." for number in range(3 * CHUNKS_PER_BATCH)], name="lease.txt"
    )
    return store


def test_afterwards_the_other_model_searches(store: KnowledgeStore, tmp_path: Path) -> None:
    with pytest.raises(EmbeddingModelMismatch, match="llmops reindex"):
        store.require_embedding_model(OTHER)

    assert reembed(store, fake_model(OTHER), PIECES) == 2

    with open_test_knowledge(tmp_path, fake_model(OTHER)) as knowledge:
        best = knowledge.retriever.search("When is the rent due?", k=1).hits[0]
        assert best.chunk.text == "The rent is due on Monday."
        assert best.dense is not None


def test_a_model_that_fails_leaves_the_old_vectors_serving(store: KnowledgeStore) -> None:
    broken = WordHashes()
    broken.broken = True

    with pytest.raises(ModelUnavailable):
        reembed(store, EmbeddingModel(OTHER, broken, DIMENSION), PIECES)

    store.require_embedding_model("fake:words")


def test_what_was_embedded_before_an_interruption_is_not_embedded_again(
    large: KnowledgeStore, tmp_path: Path
) -> None:
    first, second = CountingModel(failures={3: KeyboardInterrupt()}), CountingModel()  # type: ignore[dict-item]
    with pytest.raises(KeyboardInterrupt):
        reembed(large, first, PIECES)
    large.require_embedding_model("fake:words")
    progress: list[tuple[int, int]] = []

    with open_store(database_url(tmp_path), tmp_path) as reopened:
        embedded = reembed(reopened, second, PIECES, lambda *counts: progress.append(counts))
        reopened.require_embedding_model(OTHER)

    total = 3 * CHUNKS_PER_BATCH + 2
    assert len(first.texts) == 2 * CHUNKS_PER_BATCH
    assert embedded == len(second.texts) == total - len(first.texts)
    assert progress[0] == (2 * CHUNKS_PER_BATCH, total)


def test_what_is_added_and_deleted_meanwhile_is_taken_in(large: KnowledgeStore, tmp_path: Path) -> None:
    gone = add_document(large, ["Soon to be forgotten."], name="gone.txt")

    def work_beside(done: int, total: int) -> None:
        if done == 0:
            large.delete_document(gone.document_id)
            add_document(large, ["A late arrival."], name="late.txt")

    reembed(large, fake_model(OTHER), PIECES, work_beside)

    with open_test_knowledge(tmp_path, fake_model(OTHER)) as knowledge:
        best = knowledge.retriever.search("late arrival", k=1).hits[0]
        assert (best.chunk.text, best.dense is not None) == ("A late arrival.", True)
        numbers = [chunk.chunk_no for chunk in knowledge.store.chunks()]
        assert sorted(knowledge.store.vectors_by_no(numbers)) == numbers
        assert "Soon to be forgotten." not in {chunk.text for chunk in knowledge.store.chunks()}


def test_a_document_that_comes_in_after_the_last_batch_keeps_the_old_vectors_serving(
    store: KnowledgeStore,
) -> None:
    coming = store.next_vectors(OTHER)
    coming.begin()
    numbers = [chunk.chunk_no for chunk in coming.waiting(0, 10)]
    coming.add(numbers, np.eye(2, 8, dtype=np.float32))
    add_document(store, ["A late arrival."], name="late.txt")

    assert coming.swap() is False
    store.require_embedding_model("fake:words")
    assert [chunk.text for chunk in coming.waiting(0, 10)] == ["A late arrival."]


def test_another_model_throws_away_what_was_gathered_for_the_first(large: KnowledgeStore) -> None:
    with pytest.raises(ModelUnavailable):
        reembed(large, CountingModel(failures={2: ModelUnavailable()}), PIECES)
    third = CountingModel(THIRD)

    assert reembed(large, third, PIECES) == len(third.texts) == 3 * CHUNKS_PER_BATCH + 2
    large.require_embedding_model(THIRD)


def test_the_move_that_began_last_wins(large: KnowledgeStore) -> None:
    def begin_another(done: int, total: int) -> None:
        large.next_vectors(THIRD).begin()

    with pytest.raises(InvalidRequest, match="another `llmops reindex` to 'fake:third'"):
        reembed(large, fake_model(OTHER), PIECES, begin_another)
    large.require_embedding_model("fake:words")


def test_a_search_goes_on_with_the_old_vectors_until_the_end(large: KnowledgeStore, tmp_path: Path) -> None:
    with open_test_knowledge(tmp_path) as knowledge:

        def search(done: int, total: int) -> None:
            best = knowledge.retriever.search("When is the rent due?", k=1).hits[0]
            assert best.chunk.text == "The rent is due on Monday."
            assert best.dense is not None

        reembed(large, fake_model(OTHER), PIECES, search)


def test_a_rate_limit_is_waited_for(store: KnowledgeStore) -> None:
    limited = CountingModel(failures={1: ModelRateLimited(retry_after_s=0.01)})
    pauses: list[float] = []

    # The first pause without a hint is a second; the provider's hint may only lengthen it.
    assert reembed(store, limited, PIECES, on_pause=pauses.append) == 2
    assert len(pauses) == 1


def test_an_empty_knowledge_base_takes_the_model(tmp_path: Path) -> None:
    with open_store(database_url(tmp_path), tmp_path) as store:
        assert reembed(store, fake_model(OTHER), PIECES) == 0
        store.require_embedding_model(OTHER)


def test_a_process_that_still_has_the_old_model_goes_on_by_words(
    store: KnowledgeStore, tmp_path: Path
) -> None:
    with open_test_knowledge(tmp_path) as knowledge:
        reembed(store, fake_model(OTHER), PIECES)
        add_document(store, ["The cellar is dry."], name="late.txt", model=fake_model(OTHER))

        found = knowledge.retriever.search("cellar", k=2)

        assert [hit.chunk.text for hit in found.hits] == ["The cellar is dry."]
        assert found.hits[0].dense is None
        assert found.degraded == ("embeddings_unavailable",)
