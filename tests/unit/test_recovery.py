"""What was acknowledged survives a kill -9 at any moment, and nothing else is half there."""

from __future__ import annotations

import os
import random
import signal
import time
from collections import Counter
from multiprocessing.process import BaseProcess
from pathlib import Path

import numpy as np

from app.knowledge import Knowledge
from app.knowledge.records import NewChunk
from app.knowledge.store import open_store
from tests.knowledge_base import fake_model, open_test_knowledge
from tests.postgres import database_url
from tests.processes import start

WAVES, WRITERS = 5, 3
PARTS = 3


def write_until_killed(folder: Path, name: str) -> None:
    """Add documents and delete some of them again, noting each act as soon as it is acknowledged.

    What has been handed to the operating system survives the process, so the notes are as reliable as the kill.
    """
    notes = os.open(folder / f"{name}.notes", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    vectors = np.ones((PARTS, 64), dtype=np.float32)
    with open_store(database_url(folder), folder) as store:
        for number in range(10_000):
            key = f"{name}n{number}"
            parts = [f"{key} part{part} of the text" for part in range(PARTS)]
            text = "".join(parts)
            ends = [len("".join(parts[: part + 1])) for part in range(PARTS)]
            document_id = store.begin_document(
                text.encode(), name=key, collection="default", media_type="text/plain"
            ).document_id
            store.commit_document(
                document_id,
                text=text,
                chunks=[
                    NewChunk(part, None, end - len(part), end) for part, end in zip(parts, ends, strict=True)
                ],
                vectors=vectors,
                embedding_model=fake_model().name,
            )
            os.write(notes, f"added {key} {document_id}\n".encode())
            if number % 4 == 3:
                os.write(notes, f"deleting {key} {document_id}\n".encode())
                store.delete_document(document_id)
                os.write(notes, f"deleted {key} {document_id}\n".encode())


def test_acknowledged_documents_survive_a_kill(tmp_path: Path) -> None:
    moments = random.Random(2)
    for wave in range(WAVES):
        names = [f"w{wave}x{number}" for number in range(WRITERS)]
        writers = [start(write_until_killed, tmp_path, name) for name in names]
        for writer, name in zip(writers, names, strict=True):
            kill(writer, tmp_path / f"{name}.notes", moments.uniform(0.0, 0.2))
    acts: dict[str, dict[str, str]] = {"added": {}, "deleting": {}, "deleted": {}}
    for notes in tmp_path.glob("*.notes"):
        for act, key, document_id in (line.split() for line in notes.read_text().splitlines()):
            acts[act][key] = document_id
    assert len(acts["added"]) > WAVES * WRITERS
    with open_test_knowledge(tmp_path) as knowledge:
        uncertain = acts["deleting"].keys() - acts["deleted"].keys()
        check_documents(knowledge, acts["added"], set(acts["deleted"]), uncertain)
        check_nothing_is_partial(knowledge)


def kill(writer: BaseProcess, notes: Path, after_s: float) -> None:
    """Kill a writer some time after its first document."""
    deadline = time.monotonic() + 30
    while not (notes.exists() and notes.stat().st_size) and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(after_s)
    writer.kill()
    writer.join()
    assert writer.exitcode == -signal.SIGKILL
    writer.close()


def check_documents(
    knowledge: Knowledge, added: dict[str, str], deleted: set[str], uncertain: set[str]
) -> None:
    stored = Counter(info.name for info in knowledge.store.list_documents() if info.status == "indexed")
    assert set(stored.values()) == {1}
    assert added.keys() - deleted - uncertain <= stored.keys()
    assert not deleted & stored.keys()
    for key in added.keys() & stored.keys():
        hits = knowledge.retriever.search(f"{key} part1", k=1).hits
        assert hits[0].chunk.text == f"{key} part1 of the text"
        assert hits[0].chunk.document_id == added[key]


def check_nothing_is_partial(knowledge: Knowledge) -> None:
    store = knowledge.store
    documents = store.list_documents()
    indexed = [info for info in documents if info.status == "indexed"]
    for info in indexed:
        assert store.document_text(info.document_id).encode() == store.original(info.document_id)
        assert len(store.chunks(document_ids=[info.document_id])) == info.chunks == PARTS
    chunks = store.chunks()
    assert len(chunks) == PARTS * len(indexed)
    vectors = knowledge.vectors.search_vector(
        knowledge.retriever.embedding_model.embed_query("text"), len(chunks) + 10, collection="default"
    )
    words = knowledge.lexical.search("text", len(chunks) + 10, collection="default")
    numbers = sorted(chunk.chunk_no for chunk in chunks)
    assert sorted(no for no, _ in vectors) == numbers
    assert sorted(no for no, _ in words) == numbers
    # A document on its way has its original already, so that work on it can begin anew.
    assert all(store.original(info.document_id) for info in documents)
