"""Processes that read documents again are killed at random moments: each document is the old one or the new."""

from __future__ import annotations

import random
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

import pytest

from app.errors import DocumentBusy
from app.ingestion.assembly import Ingestion, build_ingestion
from app.ingestion.parsed import ParsedDocument
from app.ingestion.splitter import split
from app.ingestion.uploads import ReceivedFile
from app.knowledge import Knowledge
from app.knowledge.store import KnowledgeStore, open_store
from app.schemas import DocumentInfo
from app.settings import Settings, load_settings
from tests.fixtures.measures import FourLetterPieces
from tests.knowledge_base import fake_model, open_test_knowledge
from tests.processes import start

ROUNDS = 8
LEASE_S = 0.5
SPLITTINGS = (32, 48)
SMALL = {f"small{n}.txt": f"The code of depot{n} is number{n}. " * 9 for n in range(12)}
LARGE = {
    f"large{n}.txt": " ".join(f"Hall{n} row{row} holds part{n}x{row}." for row in range(700))
    for n in range(3)
}
TEXTS = {name: text.strip() for name, text in (SMALL | LARGE).items()}


def assembled(store: KnowledgeStore, settings: Settings) -> Ingestion:
    return build_ingestion(store, fake_model(), FourLetterPieces(), settings, lease_s=LEASE_S)


def settings_of(folder: Path, chunk_tokens: int) -> Settings:
    return load_settings(data_dir=folder, chunk_tokens=chunk_tokens, chunk_overlap_tokens=4)


def work_until_killed(folder: Path, chunk_tokens: int, started: Path) -> None:
    settings = settings_of(folder, chunk_tokens)
    with open_store(settings.effective_database_url, folder) as store:
        assembled(store, settings).worker.start(2)
        started.touch()
        time.sleep(60)


def possible(text: str) -> list[list[str]]:
    """The chunks of a text, split in each of the two ways."""
    parsed = ParsedDocument(text, "text/plain")
    return [
        [chunk.text for chunk in split(parsed, FourLetterPieces(), size=size, overlap=4)]
        for size in SPLITTINGS
    ]


@pytest.mark.timeout(180)
def test_kills_leave_the_old_reading_or_the_new(tmp_path: Path) -> None:
    moments = random.Random(5)
    settings = settings_of(tmp_path, SPLITTINGS[0])
    expected = {name: possible(text) for name, text in TEXTS.items()}
    assert all(one != other for one, other in expected.values())
    with open_test_knowledge(tmp_path) as knowledge:
        ingestion = assembled(knowledge.store, settings)
        files = [ReceivedFile(name, text.encode()) for name, text in TEXTS.items()]
        documents = ingestion.uploads.submit(files, collection="default").documents
        for info in documents:
            ingestion.ingestor.finish(info.document_id)
        check(knowledge, documents, expected)
        splittings = set()
        for number in range(ROUNDS):
            request_all(knowledge.store, documents)
            marks = [tmp_path / f"{number}.{chunk_tokens}.started" for chunk_tokens in SPLITTINGS]
            workers = [
                start(work_until_killed, tmp_path, chunk_tokens, mark)
                for chunk_tokens, mark in zip(SPLITTINGS, marks, strict=True)
            ]
            wait_for(marks)
            time.sleep(moments.uniform(0.0, 0.4))
            for worker in workers:
                worker.kill()
                worker.join()
            splittings |= check(knowledge, documents, expected)
        assert splittings == {0, 1}  # or nothing was ever exchanged
        assert was_interrupted(tmp_path)  # or this test would show nothing
        survivor = assembled(knowledge.store, settings)
        for info in documents:
            finished = survivor.ingestor.finish(info.document_id)
            assert (finished.status, finished.reindexing) == ("indexed", None)
            assert knowledge.store.drafts().load_parsed(info.document_id) is None
        check(knowledge, documents, expected)
    with open_test_knowledge(tmp_path) as knowledge:  # whose indexes begin anew
        check(knowledge, documents, expected)


def request_all(store: KnowledgeStore, documents: Sequence[DocumentInfo]) -> None:
    for info in documents:
        try:
            store.reindexing().request(info.document_id)
        except DocumentBusy:
            continue


def wait_for(marks: Sequence[Path]) -> None:
    deadline = time.monotonic() + 30
    while not all(mark.exists() for mark in marks):
        assert time.monotonic() < deadline, "the workers do not start"
        time.sleep(0.01)


def was_interrupted(folder: Path) -> bool:
    with closing(sqlite3.connect(folder / "llmops.db")) as database:
        (attempts,) = database.execute("SELECT max(attempts) FROM documents").fetchone()
    return bool(attempts > 1)


def check(
    knowledge: Knowledge, documents: Sequence[DocumentInfo], expected: dict[str, list[list[str]]]
) -> set[int]:
    """Every document is wholly there and found by both indexes; tells which ways of splitting were met."""
    store, met, total = knowledge.store, set(), 0
    for begun in documents:
        info = store.get_document(begun.document_id)
        assert (info.status, info.error, info.warnings) == ("indexed", None, [])
        assert store.document_text(info.document_id) == TEXTS[info.name]
        chunks = store.chunks([info.document_id])
        assert [chunk.ordinal for chunk in chunks] == list(range(info.chunks))
        met.add(expected[info.name].index([chunk.text for chunk in chunks]))
        assert len(store.vectors_by_no([chunk.chunk_no for chunk in chunks])) == info.chunks
        total += info.chunks
    assert store.stats().chunks == total == len(store.chunks())
    query = knowledge.retriever.embedding_model.embed_query("depot")
    assert len(knowledge.vectors.search_vector(query, 10 * total, collection="default")) == total
    for number in (3, 7):
        hits = knowledge.retriever.search(f"code of depot{number}", k=1).hits
        assert hits[0].chunk.document_name == f"small{number}.txt"
    return met
