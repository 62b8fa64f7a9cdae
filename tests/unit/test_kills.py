"""Twenty kills in the middle of re-embedding, adding and deleting leave nothing to repair."""

from __future__ import annotations

import random
import signal
import time
from collections.abc import Sequence
from itertools import count
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from app.errors import EmbeddingModelMismatch
from app.ingestion.reembed import reembed
from app.knowledge.deletion_proof import prove_deletion
from app.knowledge.records import NewChunk
from app.knowledge.store import KnowledgeStore, open_store
from tests.fixtures.measures import FourLetterPieces
from tests.processes import start

ROUNDS = 10  # of two kills each
DIMENSION = 32
STOCK = 300  # chunks from the beginning on, so that re-embedding takes several batches


class NumberedModel:
    """The n-th model gives every text the n-th axis as its vector, so that one tells whose it is."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.name = f"fake:{number}"

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        time.sleep(0.002)
        return np.tile(np.eye(DIMENSION, dtype=np.float32)[self.number % DIMENSION], (len(texts), 1))


def serving(store: KnowledgeStore) -> NumberedModel:
    return NumberedModel(int((store.embedding_model() or "fake:0").partition(":")[2]))


def open_in(folder: Path) -> KnowledgeStore:
    store = open_store(f"sqlite:///{folder / 'llmops.db'}", folder)
    return store.__enter__()  # for the whole life of the process, which is killed


def add(store: KnowledgeStore, name: str, chunks: int) -> str:
    text = f"{name} and more. " * chunks
    size = len(text) // chunks
    begun = store.begin_document(text.encode(), name=name, collection="default", media_type="text/plain")
    pieces = [
        NewChunk(text[i * size : (i + 1) * size], None, i * size, (i + 1) * size) for i in range(chunks)
    ]
    while True:
        model = serving(store)
        try:
            store.commit_document(
                begun.document_id,
                text=text,
                chunks=pieces,
                vectors=model.embed([text] * chunks),
                embedding_model=model.name,
            )
        except EmbeddingModelMismatch:
            continue  # everything was embedded again at this very moment
        return begun.document_id


def reembed_until_killed(folder: Path, notes: Path) -> None:
    with notes.open("ab", buffering=0) as written:
        store = open_in(folder)
        while True:
            model = NumberedModel(serving(store).number + 1)
            written.write(b"begun\n")
            reembed(store, model, FourLetterPieces())
            written.write(f"serves {model.number}\n".encode())


def write_until_killed(folder: Path, notes: Path) -> None:
    with notes.open("ab", buffering=0) as written:
        store = open_in(folder)
        for number in count():
            document_id = add(store, f"{notes.stem} {number}", chunks=3)
            written.write(f"added {document_id}\n".encode())
            time.sleep(0.01)  # SQLite's writers poll, so one that never pauses would keep the other out
            if number % 2:
                written.write(f"deleting {document_id}\n".encode())
                store.delete_document(document_id)
                written.write(f"deleted {document_id}\n".encode())


def kill_after(worker: BaseProcess, notes: Path, seconds: float) -> None:
    deadline = time.monotonic() + 20
    while not (notes.exists() and notes.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.005)
    time.sleep(seconds)
    worker.kill()
    worker.join()
    assert worker.exitcode == -signal.SIGKILL


@pytest.mark.timeout(120)
def test_kills_lose_nothing_and_leave_nothing(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with open_store(f"sqlite:///{folder / 'llmops.db'}", folder) as store:
        stock = add(store, "stock", STOCK)
    moments = random.Random(3)
    for number in range(ROUNDS):
        workers = []
        for work in (reembed_until_killed, write_until_killed):
            notes = tmp_path / f"{work.__name__} {number}.notes"
            workers.append((start(work, folder, notes), notes))
        for worker, notes in workers:
            kill_after(worker, notes, moments.uniform(0.0, 0.4))
    noted = [line.split() for notes in tmp_path.glob("*.notes") for line in notes.read_text().splitlines()]
    acts: dict[str, list[str]] = {}
    for act, *value in noted:
        acts.setdefault(act, []).extend(value)
    assert len(acts["added"]) > ROUNDS
    assert {"deleted", "serves"} <= acts.keys()
    check(folder, acts, stock)


def check(folder: Path, acts: dict[str, list[str]], stock: str) -> None:
    url = f"sqlite:///{folder / 'llmops.db'}"
    with open_store(url, folder) as store:
        store.sweep()  # as every start does
        check_documents(store, acts, stock)
        assert serving(store).number >= max(map(int, acts["serves"]))
        check_vectors(store)
        last = NumberedModel(serving(store).number + 1)
        reembed(store, last, FourLetterPieces())
        assert serving(store).number == last.number
        check_vectors(store)
    findings = list(prove_deletion(url, folder, acts["deleted"][-1]))
    assert [finding for finding in findings if finding.state == "left"] == []


def check_documents(store: KnowledgeStore, acts: dict[str, list[str]], stock: str) -> None:
    indexed = [info.document_id for info in store.list_documents() if info.status == "indexed"]
    assert len(indexed) == len(set(indexed))
    uncertain = set(acts["deleting"]) - set(acts["deleted"])
    assert {stock, *acts["added"]} - set(acts["deleting"]) <= set(indexed)
    assert not set(acts["deleted"]) & set(indexed)
    assert (
        len(set(indexed) - {stock, *acts["added"]} - uncertain) <= ROUNDS
    )  # stored, but killed before the note
    for document_id in indexed:
        assert store.document_text(document_id).encode() == store.original(document_id)
        assert len(store.chunks([document_id])) == store.get_document(document_id).chunks


def check_vectors(store: KnowledgeStore) -> None:
    """Every chunk has one vector, and it is the serving model's."""
    numbers = [chunk.chunk_no for chunk in store.chunks()]
    assert len(numbers) == len(set(numbers))
    found = store.vectors_by_no(numbers)
    assert sorted(found) == numbers
    axes = {int(np.argmax(vector)) for vector in found.values()}
    assert axes == {serving(store).number % DIMENSION}
