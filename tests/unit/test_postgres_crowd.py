"""Many processes work on one knowledge base in PostgreSQL at once: nobody waits for ever, nothing is lost."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import closing, suppress
from hashlib import sha256
from pathlib import Path

import numpy as np
import psycopg
import pytest
from numpy.typing import NDArray

from app.errors import CorruptDocument, DocumentBusy, LeaseLost, UnknownDocument, UnknownJob
from app.knowledge import Knowledge, open_knowledge
from app.knowledge.batches import BatchClaim, NewItem
from app.knowledge.document_queue import Claim, DocumentQueue, is_unfinished
from app.knowledge.insertion import identify
from app.knowledge.records import NewChunk, NewText
from app.knowledge.store import KnowledgeStore, open_store
from app.settings import load_settings
from app.tenancy import DEFAULT_TENANT
from tests.knowledge_base import fake_model
from tests.postgres import postgres_url
from tests.processes import start

pytestmark = pytest.mark.postgres

SECONDS = 6.0
LEASE_S = 0.3  # so short that documents are taken over from who still works on them
TEXTS = 12
PARTS = 3
MODEL = fake_model()
GHOSTS = """
    SELECT count(*) FROM batch_items, json_array_elements(answer -> 'citations') AS quoted
    WHERE quoted ->> 'document_id' NOT IN (SELECT document_id FROM documents)
"""
DEADLOCKS = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


def contents(number: int) -> list[str]:
    return [f"document {number} part {part} " for part in range(PARTS)]


def document(number: int) -> str:
    """The id of the document with these contents."""
    return identify("default", sha256("".join(contents(number)).encode()).hexdigest())


def begin(store: KnowledgeStore, number: int) -> str:
    data = "".join(contents(number)).encode()
    begun = store.begin_document(data, name=str(number), collection="default", media_type="text/plain")
    return begun.document_id


def work(folder: Path, seed: int) -> None:
    """Read documents as a worker does, some of them badly, and answer questions."""
    chance = random.Random(seed)
    with open_store(postgres_url(folder), folder) as store:
        queue, batches = store.queue(lease_s=LEASE_S), store.batches(lease_s=LEASE_S)
        owner = f"worker {seed}"
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            if claim := queue.claim_next(owner, smallest_first=chance.random() < 0.5):
                with suppress(LeaseLost, UnknownDocument):
                    read(store, queue, claim, chance)
            if asked := batches.claim_next(owner):
                batches.renew([owner])
                answer(store, asked, chance)


def read(store: KnowledgeStore, queue: DocumentQueue, claim: Claim, chance: random.Random) -> None:
    drafts = store.drafts()
    parts = contents(int(claim.name))
    matrix = MODEL.embed(parts)
    queue.report(claim, "parsing", None, None)
    drafts.save_parsed(claim, b"parsed")
    for first in range(PARTS):
        drafts.save_vectors(claim, first, matrix[first : first + 1], embedding_model=MODEL.name)
        queue.report(claim, "embedding", first + 1, PARTS)
        queue.renew([claim.owner])
    if chance.random() < 0.2:
        time.sleep(LEASE_S * 1.2)
    end = chance.random()
    if end < 0.1:
        queue.fail(claim, CorruptDocument("made up"))
    elif end < 0.2:
        queue.release(claim)
    else:
        commit(store, claim, parts, matrix)


def commit(store: KnowledgeStore, claim: Claim, parts: list[str], matrix: NDArray[np.float32]) -> None:
    ends = np.cumsum([len(part) for part in parts]).tolist()
    store.commit_document(
        claim.document_id,
        text="".join(parts),
        chunks=[NewChunk(part, None, end - len(part), end) for part, end in zip(parts, ends, strict=True)],
        vectors=matrix,
        embedding_model=MODEL.name,
        claim=claim,
    )


def answer(store: KnowledgeStore, asked: BatchClaim, chance: random.Random) -> None:
    batches = store.batches(lease_s=LEASE_S)
    if chance.random() < 0.2:
        batches.release(asked)
        return
    quoted = [{"document_id": document(chance.randrange(TEXTS))} for _ in range(2)]
    batches.finish(asked, answer={"citations": quoted, "nearest": []})


def use(folder: Path, seed: int) -> None:
    """Do what clients do, at random."""
    chance = random.Random(seed)
    with open_store(postgres_url(folder), folder) as store:
        deeds = list_deeds(store, chance)
        deadline = time.monotonic() + SECONDS
        while time.monotonic() < deadline:
            with suppress(UnknownDocument, UnknownJob, DocumentBusy):
                chance.choice(deeds)()


def list_deeds(store: KnowledgeStore, chance: random.Random) -> list[Callable[[], object]]:
    queue, jobs, batches = store.queue(lease_s=LEASE_S), store.jobs(), store.batches(lease_s=LEASE_S)
    opened: list[str] = []

    def any_document() -> str:
        return document(chance.randrange(TEXTS))

    def several() -> list[str]:
        return [any_document() for _ in range(4)]

    def upload() -> None:
        job = jobs.open(tenant=DEFAULT_TENANT, request_digest="")
        jobs.attach(job, [store.get_document(begin(store, chance.randrange(TEXTS))) for _ in range(3)])
        opened.append(job)

    def ask() -> None:
        opened.append(batches.open([NewItem("Why?", {"question": "Why?"})] * 4, tenant=DEFAULT_TENANT))

    def cancel() -> None:
        if opened:
            job = chance.choice(opened)
            queue.cancel(jobs.cancel(job))
            batches.cancel(job)

    def resume() -> None:
        if opened:
            job = chance.choice(opened)
            queue.resume(jobs.resume(job))
            batches.resume(job)

    def put_texts() -> None:
        ids = [f"text {chance.randrange(6)}" for _ in range(3)]
        texts = [NewText(one, f"a text {one}") for one in dict.fromkeys(ids)]
        matrix = MODEL.embed([text.text for text in texts])
        store.put_texts(texts, matrix, collection="texts", embedding_model=MODEL.name)

    return [
        *[upload] * 4,
        ask,
        cancel,
        resume,
        put_texts,
        lambda: store.delete_chunks([f"text {chance.randrange(6)}"], "texts"),
        lambda: store.delete_document(any_document()),
        lambda: store.reindexing().request(any_document()),
        lambda: queue.cancel(several()),
        lambda: queue.resume(several()),
        lambda: store.notes().put(any_document(), "key", "a note"),
        lambda: store.clear("texts"),
        store.sweep,
    ]


def test_a_crowd_leaves_nothing_half_done(tmp_path: Path) -> None:
    url = postgres_url(tmp_path)
    with open_knowledge(load_settings(data_dir=tmp_path, database_url=url), MODEL) as knowledge:
        knowledge.store.create_collection("texts")
        crowd = [start(deed, tmp_path, seed) for seed, deed in enumerate((work, work, use, use))]
        while any(process.is_alive() for process in crowd):
            knowledge.catch_up()
            time.sleep(0.02)
        assert [process.exitcode for process in crowd] == [0, 0, 0, 0]
        finish(knowledge.store)
        knowledge.catch_up()
        check_documents(knowledge.store)
        for collection in ("default", "texts"):
            check_indexes(knowledge, collection)
    assert count(url, "SELECT count(*) FROM batch_citations") > 0
    assert count(url, GHOSTS) == 0
    assert count(url, DEADLOCKS) == 0


def finish(store: KnowledgeStore) -> None:
    """Work on what the crowd has left until nothing waits."""
    queue, steady = store.queue(lease_s=LEASE_S), random.Random(0)
    deadline = time.monotonic() + 10
    while any(is_unfinished(info) for info in store.list_documents()):
        assert time.monotonic() < deadline
        if claim := queue.claim_next("last"):
            with suppress(LeaseLost):
                read(store, queue, claim, steady)
        else:
            time.sleep(LEASE_S / 3)


def check_documents(store: KnowledgeStore) -> None:
    found = store.list_documents("default")
    assert found
    for info in found:
        chunks = store.chunks([info.document_id])
        if info.status != "indexed":
            assert not chunks
            continue
        assert store.document_text(info.document_id) == "".join(contents(int(info.name)))
        assert [chunk.text for chunk in chunks] == contents(int(info.name))
        assert info.chunks == PARTS
        assert store.original(info.document_id) == "".join(contents(int(info.name))).encode()
    assert len(store.chunks(collection="texts")) == len(store.list_documents("texts"))


def count(url: str, statement: str) -> int:
    with closing(psycopg.connect(url.replace("postgresql+psycopg", "postgresql"))) as connection:
        row = connection.execute(statement).fetchone()
    assert row is not None
    return int(row[0])


def check_indexes(knowledge: Knowledge, collection: str) -> None:
    """Both indexes, which have caught up with each change on the way, hold what the tables do."""
    numbers = sorted(chunk.chunk_no for chunk in knowledge.store.chunks(collection=collection))
    many = len(numbers) + 10
    by_vectors = knowledge.vectors.search_vector(MODEL.embed_query("text"), many, collection=collection)
    by_words = knowledge.lexical.search("part text", many, collection=collection)
    assert sorted(number for number, _ in by_vectors) == numbers
    assert sorted(number for number, _ in by_words) == numbers
