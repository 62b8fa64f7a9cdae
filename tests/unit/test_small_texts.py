"""Texts that are stored by the group: each as it would be alone, together or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import InvalidRequest, ModelUnavailable
from app.ingestion.assembly import Ingestion, build_ingestion
from app.ingestion.small_texts import ReceivedText
from app.knowledge.store import KnowledgeStore, open_store
from app.settings import Settings, load_settings
from tests.fixtures.measures import FourLetterPieces


class CountingEmbedder:
    """Gives each text a vector of its own, and notes how many it was given at once."""

    name = "fake:counting"

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.failure: Exception | None = None

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.failure is not None:
            raise self.failure
        self.calls.append(len(texts))
        angles = np.array([len(text) % 90 for text in texts], dtype=np.float32) * np.pi / 180
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path, chunk_tokens=40, chunk_overlap_tokens=8)


@pytest.fixture
def store(settings: Settings) -> Iterator[KnowledgeStore]:
    with open_store(settings.effective_database_url, settings.data_dir) as opened:
        yield opened


@pytest.fixture
def embedder() -> CountingEmbedder:
    return CountingEmbedder()


@pytest.fixture
def ingestion(store: KnowledgeStore, embedder: CountingEmbedder, settings: Settings) -> Ingestion:
    return build_ingestion(store, embedder, FourLetterPieces(), settings, max_attempts=1)


def test_each_is_what_it_would_be_as_a_file(
    ingestion: Ingestion, store: KnowledgeStore, embedder: CountingEmbedder
) -> None:
    texts = [
        ReceivedText("notes/one.md", "# Lease\n\nThe rent is 900 euros. " * 5, {"year": 2024}),
        ReceivedText("two", "Only a few words."),
        ReceivedText("three", "Sentences of a longer text follow here. " * 40),
    ]
    together = ingestion.small_texts.ingest(texts, collection="together")
    alone = [
        ingestion.ingestor.ingest_text(text.text, text.name, collection="alone", metadata=text.metadata)
        for text in texts
    ]
    assert len(embedder.calls) == 1 + len(texts)
    same = {"document_id", "collection", "created_at"}
    for mine, other in zip(together, alone, strict=True):
        assert mine.model_dump(exclude=same) == other.model_dump(exclude=same)
        mine_chunks, other_chunks = (store.chunks([info.document_id]) for info in (mine, other))
        assert [(c.text, c.section, c.char_start) for c in mine_chunks] == [
            (c.text, c.section, c.char_start) for c in other_chunks
        ]
        numbers = [chunk.chunk_no for chunk in (*mine_chunks, *other_chunks)]
        vectors = store.vectors_by_no(numbers)
        for chunk, twin in zip(mine_chunks, other_chunks, strict=True):
            assert np.array_equal(vectors[chunk.chunk_no], vectors[twin.chunk_no])
        assert store.original(mine.document_id) == store.original(other.document_id)


def test_the_same_text_is_stored_once(ingestion: Ingestion, store: KnowledgeStore) -> None:
    text = ReceivedText("a", "The same words.")
    first, second = ingestion.small_texts.ingest([text, text], collection="default")
    assert (first.duplicate, second.duplicate) == (False, True)
    (third,) = ingestion.small_texts.ingest([ReceivedText("b", text.text)], collection="default")
    assert (third.duplicate, third.name, third.document_id) == (True, "a", first.document_id)
    assert len(store.chunks(collection="default")) == 1
    as_file = ingestion.ingestor.ingest_bytes(text.text.encode(), "a.txt", collection="default")
    assert (as_file.duplicate, as_file.document_id) == (True, first.document_id)


def test_what_needs_cleaning_keeps_its_own_bytes(ingestion: Ingestion, store: KnowledgeStore) -> None:
    raw = "Lines end\r\nas they do elsewhere.\x00"
    (info,) = ingestion.small_texts.ingest([ReceivedText("a", raw)], collection="default")
    assert info.status == "indexed"
    assert store.original(info.document_id) == raw.encode()
    assert store.document_text(info.document_id) != raw


def test_a_bad_text_fails_alone(ingestion: Ingestion) -> None:
    texts = [ReceivedText("a", "Words."), ReceivedText("b", " \n "), ReceivedText("c", "More words.")]
    infos = ingestion.small_texts.ingest(texts, collection="default")
    assert [info.status for info in infos] == ["indexed", "failed", "indexed"]
    assert infos[1].error is not None
    assert infos[1].error.code == "empty_document"


def test_a_long_text_goes_with_the_others(
    ingestion: Ingestion, embedder: CountingEmbedder, store: KnowledgeStore
) -> None:
    long = "Each of these sentences is about the same length. " * 1_000
    infos = ingestion.small_texts.ingest(
        [ReceivedText("long", long), ReceivedText("short", "Few words.")], collection="default"
    )
    assert [info.status for info in infos] == ["indexed", "indexed"]
    assert infos[0].chunks > 64
    assert max(embedder.calls) <= 64
    assert store.original(infos[0].document_id).decode() == long


def test_when_the_model_fails_all_of_them_are_kept(ingestion: Ingestion, embedder: CountingEmbedder) -> None:
    embedder.failure = ModelUnavailable("gone")
    texts = [ReceivedText("a", "Words."), ReceivedText("b", "Other words.")]
    infos = ingestion.small_texts.ingest(texts, collection="default")
    assert [info.error.code if info.error else None for info in infos] == ["model_unavailable"] * 2

    embedder.failure = None
    again = ingestion.small_texts.ingest(texts, collection="default")
    assert [info.status for info in again] == ["indexed", "indexed"]


def test_nothing_is_stored_when_one_has_unusable_metadata(
    ingestion: Ingestion, store: KnowledgeStore
) -> None:
    texts = [ReceivedText("a", "Words."), ReceivedText("b", "Other words.", {"x": object()})]
    with pytest.raises(InvalidRequest):
        ingestion.small_texts.ingest(texts, collection="default")
    assert store.list_documents() == []
