"""A knowledge base moves to another embedding model as a whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.errors import EmbeddingModelMismatch, InvalidRequest, ModelUnavailable
from app.ingestion.reembed import reembed
from app.knowledge.store import KnowledgeStore, open_store
from app.models.embeddings import EmbeddingModel
from tests.fixtures.measures import FourLetterPieces
from tests.knowledge_base import DIMENSION, WordHashes, add_document, fake_model, open_test_knowledge

OTHER = "fake:other"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KnowledgeStore]:
    """Two chunks that were embedded by `fake:words`."""
    with open_test_knowledge(tmp_path) as knowledge:
        add_document(knowledge.store, ["The rent is due on Monday.", "The deposit is returned in May."])
    with open_store(f"sqlite:///{tmp_path / 'llmops.db'}", tmp_path) as store:
        yield store


def test_afterwards_the_other_model_searches(store: KnowledgeStore, tmp_path: Path) -> None:
    with pytest.raises(EmbeddingModelMismatch, match="llmops reindex"):
        store.require_embedding_model(OTHER)

    assert reembed(store, fake_model(OTHER), FourLetterPieces()) == 2

    with open_test_knowledge(tmp_path, fake_model(OTHER)) as knowledge:
        best = knowledge.retriever.search("When is the rent due?", k=1).hits[0]
        assert best.chunk.text == "The rent is due on Monday."
        assert best.dense is not None


def test_a_model_that_fails_changes_nothing(store: KnowledgeStore) -> None:
    broken = WordHashes()
    broken.broken = True

    with pytest.raises(ModelUnavailable):
        reembed(store, EmbeddingModel(OTHER, broken, DIMENSION), FourLetterPieces())

    store.require_embedding_model("fake:words")


def test_a_document_that_comes_in_meanwhile_is_not_left_behind(store: KnowledgeStore) -> None:
    def add_another(done: int, total: int) -> None:
        add_document(store, ["A late arrival."], name="late.txt")

    with pytest.raises(InvalidRequest, match="run it again"):
        reembed(store, fake_model(OTHER), FourLetterPieces(), add_another)

    store.require_embedding_model("fake:words")


def test_an_empty_knowledge_base_takes_the_model(tmp_path: Path) -> None:
    with open_store(f"sqlite:///{tmp_path / 'llmops.db'}", tmp_path) as store:
        assert reembed(store, fake_model(OTHER), FourLetterPieces()) == 0
        store.require_embedding_model(OTHER)
