"""Ingestion: what it adds to embedding, and how soon one more document is durably there."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from math import ceil
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
from numpy.typing import NDArray

from app.api.services import Services
from app.ingestion.assembly import build_ingestion
from app.ingestion.small_texts import TEXTS_TOGETHER, ReceivedText, SmallTexts
from app.knowledge.records import NewChunk
from app.models.embeddings import EmbeddingModel
from app.models.minilm import WordPieces
from benchmarks.synthetic import TextSource
from benchmarks.timing import Measurement, in_ms, spread_ms, time_in_turn

_INSERT = "INSERT INTO chunks (name, text, vector) VALUES (?, ?, ?)"


class StopwatchEmbedder:
    """The embedding model, noting when it works; ingestion takes it in place of the model itself."""

    def __init__(self, model: EmbeddingModel) -> None:
        self._model = model
        self._worked: list[tuple[float, float]] = []

    @property
    def name(self) -> str:
        return self._model.name

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        started = perf_counter()
        vectors = self._model.embed(texts)
        self._worked.append((started, perf_counter()))
        return vectors

    def busy_s(self, *, calls: int) -> float:
        """Seconds in which at least one thread was embedding, over the last calls."""
        busy, reached = 0.0, 0.0
        for start, end in sorted(self._worked)[-calls:]:
            busy += max(0.0, end - max(start, reached))
            reached = max(reached, end)
        return busy


def measure_ingestion(services: Services, *, passages: int, rounds: int) -> Measurement:
    """Ingest passages, one document each, as many at a time as the server does; then embed the same texts alone."""
    texts = TextSource(seed=11).chunks(passages * (rounds + 1))
    batches = [texts[start :: rounds + 1] for start in range(rounds + 1)]
    fresh = iter(batches)
    embedder = StopwatchEmbedder(services.embedding_model)
    ingestion = build_ingestion(services.knowledge.store, embedder, WordPieces(), services.settings)
    groups = ceil(passages / TEXTS_TOGETHER)
    whole, alone = time_in_turn(
        lambda _: _ingest_all(ingestion.small_texts, next(fresh), services.ingestion_pool),
        lambda turn: services.embedding_model.embed(batches[turn]),
        rounds,
    )
    return Measurement(
        name=f"ingestion, {passages} documents at once",
        unit="documents/s",
        value=passages / median(whole),
        baseline=passages / median(alone),
        baseline_name="embedding the same texts, all in one call",
        more_is_better=True,
        details={
            "ours": spread_ms(whole),
            "bare": spread_ms(alone),
            "share_of_time_embedding": round(embedder.busy_s(calls=rounds * groups) / sum(whole), 3),
        },
    )


def measure_acknowledgement(services: Services, folder: Path, *, repetitions: int) -> Iterator[Measurement]:
    """Add single documents to the filled service; when a call returns, its document survives a crash."""
    texts = TextSource(seed=13).chunks(4 * (repetitions + 1))
    batches = [texts[kind::4] for kind in range(4)]
    embed = services.embedding_model.embed
    vectors = embed(texts[:1])
    with closing(_open_bare_database(folder / "bare.db")) as bare:
        stored, inserted = time_in_turn(
            lambda _: _store(services, batches[0].pop(), vectors),
            lambda _: _insert(bare, batches[1].pop(), vectors),
            repetitions,
        )
        yield _acknowledgement("document stored, its vector at hand", "bare SQLite insert", stored, inserted)
        ingested, embedded = time_in_turn(
            lambda turn: services.ingestion.small_texts.ingest(
                [ReceivedText(f"{turn}", batches[2].pop())], collection="default"
            ),
            lambda _: _insert(bare, batches[3][-1], embed([batches[3].pop()])),
            repetitions,
        )
        yield _acknowledgement("document ingested", "embedding + bare SQLite insert", ingested, embedded)


def _acknowledgement(name: str, baseline_name: str, ours: list[float], bare: list[float]) -> Measurement:
    details = {"ours": spread_ms(ours), "bare": spread_ms(bare)}
    return Measurement(name, "ms", in_ms(ours), in_ms(bare), baseline_name, details=details)


def _ingest_all(small_texts: SmallTexts, texts: Sequence[str], pool: ThreadPoolExecutor) -> None:
    received = [ReceivedText(f"passage {number}", text) for number, text in enumerate(texts)]
    parts = [received[start : start + TEXTS_TOGETHER] for start in range(0, len(received), TEXTS_TOGETHER)]
    for group in pool.map(lambda part: small_texts.ingest(part, collection="default"), parts):
        assert all(document.status == "indexed" for document in group), group


def _store(services: Services, text: str, vectors: NDArray[np.float32]) -> None:
    store = services.knowledge.store
    document = store.begin_document(
        text.encode(), name="added", collection="default", media_type="text/plain"
    )
    store.commit_document(
        document.document_id,
        text=text,
        chunks=[NewChunk(text, None, 0, len(text))],
        vectors=vectors,
        embedding_model=services.embedding_model.name,
    )


def _open_bare_database(path: Path) -> sqlite3.Connection:
    """Write-ahead log, and on disk when a commit returns: what the service promises."""
    database = sqlite3.connect(path)
    database.execute("PRAGMA journal_mode = WAL")
    database.execute("PRAGMA synchronous = FULL")
    database.execute("CREATE TABLE chunks (id INTEGER PRIMARY KEY, name TEXT, text TEXT, vector BLOB)")
    return database


def _insert(database: sqlite3.Connection, text: str, vectors: NDArray[np.float32]) -> None:
    with database:
        database.execute(_INSERT, ("added", text, vectors.tobytes()))
