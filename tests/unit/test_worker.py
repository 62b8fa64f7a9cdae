"""Workers: whatever happens to the work on a document, somebody goes on with it, or it says why not."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import LlmopsError, ModelRateLimited
from app.ingestion.assembly import Ingestion, build_ingestion
from app.ingestion.indexer import CHUNKS_PER_BATCH
from app.ingestion.worker import MAX_ATTEMPTS
from app.knowledge.store import KnowledgeStore, open_store
from app.schemas import DocumentInfo
from app.settings import Settings, load_settings
from tests.fixtures.measures import FourLetterPieces

LARGE = " ".join(f"Sentence number {number} says something." for number in range(2_500))
SLOW_JSON = b"[" + b'{"a": [1, 2, 3]},' * 400_000 + b"0]"


class GatedEmbedder:
    """Counts the texts that it was given; waits before each call from the second on while its gate is closed."""

    name = "fake:gated"

    def __init__(self) -> None:
        self.calls: list[int] = []
        self.gate = threading.Event()
        self.gate.set()
        self.at_gate = threading.Event()
        self.failures: list[Exception] = []

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        if self.calls and not self.gate.is_set():
            self.at_gate.set()
            self.gate.wait(20)
        if self.failures:
            raise self.failures.pop()
        self.calls.append(len(texts))
        return np.ones((len(texts), 3), dtype=np.float32)


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return load_settings(data_dir=tmp_path, chunk_tokens=40, chunk_overlap_tokens=8)


@pytest.fixture
def store(settings: Settings) -> Iterator[KnowledgeStore]:
    with open_store(settings.effective_database_url, settings.data_dir) as opened:
        yield opened


@pytest.fixture
def embedder() -> GatedEmbedder:
    return GatedEmbedder()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def build(
    store: KnowledgeStore, embedder: GatedEmbedder, settings: Settings, clock: Clock
) -> Iterator[Callable[[], Ingestion]]:
    """Builds one process's ingestion; all of them share the store."""
    built: list[Ingestion] = []

    def build_one() -> Ingestion:
        built.append(build_ingestion(store, embedder, FourLetterPieces(), settings, lease_s=2.0, now=clock))
        return built[-1]

    yield build_one
    embedder.gate.set()
    for ingestion in built:
        ingestion.worker.stop()


def enqueue(ingestion: Ingestion, data: bytes, name: str = "a.txt") -> str:
    return ingestion.ingestor.enqueue(data, name, collection="default").document_id


def wait_for(condition: Callable[[], bool], seconds: float = 15.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.01)


def finished(store: KnowledgeStore, document_id: str) -> DocumentInfo:
    wait_for(lambda: store.get_document(document_id).status in ("indexed", "failed", "cancelled"))
    return store.get_document(document_id)


def attempt(ingestion: Ingestion, owner: str = "once") -> DocumentInfo:
    claim = ingestion.queue.claim_next(owner)
    assert claim is not None
    return ingestion.worker.carry_out(claim)


def test_what_is_queued_is_worked_off(build: Callable[[], Ingestion], store: KnowledgeStore) -> None:
    ingestion = build()
    ingestion.worker.start(2)
    ids = [enqueue(ingestion, f"Document {number}.".encode()) for number in range(10)]
    assert [finished(store, document_id).status for document_id in ids] == ["indexed"] * 10


def test_two_processes_share_the_work_and_do_none_of_it_twice(
    build: Callable[[], Ingestion], store: KnowledgeStore, embedder: GatedEmbedder
) -> None:
    first, second = build(), build()
    ids = [enqueue(first, f"Document {number}.".encode()) for number in range(20)]
    first.worker.start(2)
    second.worker.start(2)
    assert {finished(store, document_id).status for document_id in ids} == {"indexed"}
    assert len(embedder.calls) == 20
    assert store.stats().chunks == 20


def test_a_worker_that_stops_leaves_its_document_to_the_next_with_what_is_done(
    build: Callable[[], Ingestion], store: KnowledgeStore, embedder: GatedEmbedder
) -> None:
    first = build()
    embedder.gate.clear()
    document_id = enqueue(first, LARGE.encode())
    first.worker.start(1)
    assert embedder.at_gate.wait(20)
    stopping = threading.Thread(target=first.worker.stop)
    stopping.start()
    embedder.gate.set()
    stopping.join()
    done = sum(embedder.calls)
    assert done >= CHUNKS_PER_BATCH
    assert store.get_document(document_id).status == "embedding"

    info = attempt(build())
    assert info.status == "indexed"
    assert info.chunks > 2 * CHUNKS_PER_BATCH
    assert sum(embedder.calls) == info.chunks  # nothing was embedded twice


def test_a_document_whose_chunks_would_be_others_now_begins_anew(
    build: Callable[[], Ingestion], store: KnowledgeStore, embedder: GatedEmbedder, settings: Settings
) -> None:
    embedder.failures = [ModelRateLimited("later")]
    enqueue(build(), LARGE.encode())
    attempt(build())
    other = settings.model_copy(update={"chunk_tokens": 60})
    resumed = build_ingestion(
        store, embedder, FourLetterPieces(), other, lease_s=2.0, now=lambda: time.time() + 60
    )
    info = attempt(resumed)
    assert info.status == "indexed"
    assert sum(embedder.calls) == info.chunks


def test_a_model_that_asks_for_patience_is_asked_again(
    build: Callable[[], Ingestion], store: KnowledgeStore, embedder: GatedEmbedder, clock: Clock
) -> None:
    ingestion = build()
    embedder.failures = [ModelRateLimited("slow down"), ModelRateLimited("slow down")]
    enqueue(ingestion, b"Patience.")
    delays = []
    for number in range(2):
        info = attempt(ingestion, f"attempt {number}")
        assert info.error is not None
        assert info.error.code == "model_rate_limited"
        delays.append(0.0)
        while not is_due(store, clock):
            clock.ahead += 0.5
            delays[-1] += 0.5
    assert delays[0] < delays[1]  # each time it waits longer
    assert attempt(ingestion).status == "indexed"


def is_due(store: KnowledgeStore, clock: Clock) -> bool:
    claim = store.queue(lease_s=2.0, now=clock).claim_next("look")
    if claim is not None:
        store.queue(lease_s=2.0, now=clock).release(claim)
    return claim is not None


def test_a_model_that_never_answers_is_given_up(
    build: Callable[[], Ingestion], embedder: GatedEmbedder, clock: Clock
) -> None:
    ingestion = build()
    embedder.failures = [ModelRateLimited("no") for _ in range(MAX_ATTEMPTS)]
    enqueue(ingestion, b"Hopeless.")
    for _ in range(MAX_ATTEMPTS - 1):
        assert attempt(ingestion).status == "parsing"
        clock.ahead += 600
    info = attempt(ingestion)
    assert info.status == "failed"
    assert info.error is not None
    assert info.error.code == "model_rate_limited"


def test_cancelling_kills_the_reader(build: Callable[[], Ingestion], store: KnowledgeStore) -> None:
    ingestion = build()
    ingestion.worker.start(1)
    document_id = enqueue(ingestion, SLOW_JSON, "a.json")
    wait_for(lambda: store.get_document(document_id).status == "parsing")
    ingestion.queue.cancel([document_id])
    ingestion.worker.check_claims()
    started = time.monotonic()
    next_id = enqueue(ingestion, b"The next one.")
    assert finished(store, next_id).status == "indexed"
    assert time.monotonic() - started < 5
    assert store.get_document(document_id).status == "cancelled"


@pytest.mark.parametrize("act", ["cancel", "delete"])
def test_the_heartbeat_notices_that_a_document_is_not_wanted(
    build: Callable[[], Ingestion], store: KnowledgeStore, embedder: GatedEmbedder, act: str
) -> None:
    ingestion = build()
    ingestion.worker.start(1)
    embedder.gate.clear()
    document_id = enqueue(ingestion, LARGE.encode())
    assert embedder.at_gate.wait(20)
    if act == "cancel":
        ingestion.queue.cancel([document_id])
    else:
        store.delete_document(document_id)
    time.sleep(1.0)
    embedder.gate.set()
    wait_for(lambda: enqueue(ingestion, b"Next.") != "" and store.stats().chunks == 1)
    assert len(embedder.calls) <= 3  # the batch that was under way, and the next document


def test_work_goes_on_while_its_lease_is_renewed(
    build: Callable[[], Ingestion], store: KnowledgeStore, embedder: GatedEmbedder
) -> None:
    first, second = build(), build()
    embedder.gate.clear()
    document_id = enqueue(first, LARGE.encode())
    first.worker.start(1)
    assert embedder.at_gate.wait(20)
    second.worker.start(1)
    time.sleep(3.0)  # longer than the lease
    embedder.gate.set()
    info = finished(store, document_id)
    assert sum(embedder.calls) == info.chunks


def test_a_bug_fails_its_document_and_not_the_worker(
    build: Callable[[], Ingestion], store: KnowledgeStore, embedder: GatedEmbedder
) -> None:
    ingestion = build()
    embedder.failures = [ZeroDivisionError()]
    bad = enqueue(ingestion, b"Hits the bug.")
    ingestion.worker.start(1)
    info = finished(store, bad)
    assert info.error is not None
    assert info.error.code == LlmopsError.code
    assert finished(store, enqueue(ingestion, b"Does not.")).status == "indexed"


def test_the_command_line_waits_for_whoever_has_the_document(
    build: Callable[[], Ingestion], embedder: GatedEmbedder
) -> None:
    first, second = build(), build()
    document_id = enqueue(first, b"Anybody's.")
    assert second.ingestor.finish(document_id).status == "indexed"
    assert first.ingestor.finish(document_id).status == "indexed"
    assert embedder.calls == [1]
