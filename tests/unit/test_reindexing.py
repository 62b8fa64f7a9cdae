"""Reading a document again: what was indexed serves until the new reading is whole, and nothing is lost on the way."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from app.errors import (
    CorruptDocument,
    DocumentBusy,
    EmbeddingModelMismatch,
    InvalidRequest,
    LeaseLost,
    MissingOriginal,
    ModelRateLimited,
    UnknownDocument,
)
from app.knowledge.document_queue import Claim, DocumentQueue
from app.knowledge.jobs import Jobs
from app.knowledge.records import NewChunk, NewText
from app.knowledge.reindexing import Reindexing
from app.knowledge.store import KnowledgeStore, open_store
from app.schemas import DocumentInfo, ReindexInfo
from tests.knowledge_base import add_document, fake_model, open_test_knowledge
from tests.postgres import database_url

OLD = ["The heron stands in the reeds.", "The otter sleeps in its holt."]


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KnowledgeStore]:
    with open_store(database_url(tmp_path), tmp_path) as opened:
        yield opened


@pytest.fixture
def queue(store: KnowledgeStore) -> DocumentQueue:
    return store.queue(lease_s=20)


@pytest.fixture
def reindexing(store: KnowledgeStore) -> Reindexing:
    return store.reindexing()


@pytest.fixture
def jobs(store: KnowledgeStore) -> Jobs:
    return store.jobs()


@pytest.fixture
def old(store: KnowledgeStore) -> DocumentInfo:
    return add_document(store, OLD)


def claimed(queue: DocumentQueue, owner: str = "a") -> Claim:
    claim = queue.claim_next(owner)
    assert claim is not None
    return claim


def commit(store: KnowledgeStore, claim: Claim, *texts: str, model: str = "fake:words") -> DocumentInfo:
    text = "\n\n".join(texts)
    starts = [text.index(part) for part in texts]
    return store.commit_document(
        claim.document_id,
        claim=claim,
        text=text,
        chunks=[
            NewChunk(part, None, start, start + len(part)) for part, start in zip(texts, starts, strict=True)
        ],
        vectors=fake_model().embed(texts),
        embedding_model=model,
        keywords=["new"],
    )


def stage(info: DocumentInfo) -> str | None:
    return info.reindexing.status if info.reindexing else None


def test_what_was_indexed_stays_until_the_new_reading_takes_its_place(
    store: KnowledgeStore, queue: DocumentQueue, reindexing: Reindexing, jobs: Jobs, old: DocumentInfo
) -> None:
    store.notes().put(old.document_id, "key", "a note on the old text")
    before = store.chunks([old.document_id])
    seen = store.position()
    job_id = reindexing.request(old.document_id)
    assert jobs.get(job_id).state == "queued"
    claim = claimed(queue)
    queue.report(claim, "embedding", 1, 3)
    now = store.get_document(old.document_id)
    assert (now.status, stage(now), now.error) == ("indexed", "embedding", None)
    assert now.model_copy(update={"reindexing": None}) == old
    assert store.chunks([old.document_id]) == before
    assert store.document_text(old.document_id) == "\n\n".join(OLD)
    assert (jobs.get(job_id).state, jobs.get(job_id).progress.done) == ("running", 1)
    assert store.position() == seen

    new = commit(store, claim, "The kingfisher dives.", "The heron waits.", "The otter eats.")
    assert (new.status, new.reindexing, new.chunks, new.keywords) == ("indexed", None, 3, ["new"])
    after = store.chunks([old.document_id])
    assert [chunk.chunk_id for chunk in after] == [f"{old.document_id}:{n}" for n in range(3)]
    assert store.notes().get(old.document_id, "key") is None
    assert jobs.get(job_id).state == "done"
    with store.changes_since(seen) as changes:
        assert changes.removed() == [(before[0].chunk_no, before[-1].chunk_no)]
        assert [row.text for row in changes.added_texts()] == [chunk.text for chunk in after]
    assert sorted(store.vectors_by_no([chunk.chunk_no for chunk in before + after])) == [
        chunk.chunk_no for chunk in after
    ]


def test_a_reading_that_fails_leaves_what_was_indexed_and_says_why(
    store: KnowledgeStore, queue: DocumentQueue, reindexing: Reindexing, jobs: Jobs, old: DocumentInfo
) -> None:
    before = store.chunks([old.document_id])
    job_id = reindexing.request(old.document_id)
    queue.fail(claimed(queue), CorruptDocument("the reader stumbled"), extraction={})
    failed = store.get_document(old.document_id)
    assert failed.reindexing is not None
    assert failed.reindexing.error is not None
    assert (failed.status, failed.error) == ("indexed", None)
    assert (failed.reindexing.status, failed.reindexing.error.code) == ("failed", "corrupt_document")
    assert failed.warnings == [
        "reading it again failed, so what was read before still counts: the reader stumbled"
    ]
    assert store.chunks([old.document_id]) == before
    assert jobs.get(job_id).state == "failed"
    assert queue.claim_next("b") is None

    reindexing.request(old.document_id)
    again = commit(store, claimed(queue), "The heron waits.")
    assert (again.warnings, again.reindexing) == ([], None)


def test_a_failed_document_begins_anew_and_fails_for_the_new_reason(
    store: KnowledgeStore, queue: DocumentQueue, reindexing: Reindexing, jobs: Jobs
) -> None:
    begun = store.begin_document(b"words", name="a.txt", collection="default", media_type="text/plain")
    first = claimed(queue)
    store.drafts().save_parsed(first, b"of an older version")
    queue.fail(first, CorruptDocument("the first reason"))
    job_id = reindexing.request(begun.document_id)
    waiting = store.get_document(begun.document_id)
    assert (waiting.status, waiting.error, waiting.reindexing) == ("queued", None, None)
    assert store.drafts().load_parsed(begun.document_id) is None
    queue.fail(claimed(queue), CorruptDocument("the second reason"))
    failed = store.get_document(begun.document_id)
    assert failed.error is not None
    assert (failed.status, failed.error.detail) == ("failed", "the second reason")
    assert jobs.get(job_id).state == "failed"
    reindexing.request(begun.document_id)
    assert commit(store, claimed(queue), "words").status == "indexed"


@pytest.mark.parametrize("is_indexed", [True, False])
def test_one_that_is_on_its_way_is_not_asked_for_twice(
    store: KnowledgeStore, queue: DocumentQueue, reindexing: Reindexing, jobs: Jobs, is_indexed: bool
) -> None:
    if is_indexed:
        document_id = add_document(store, OLD).document_id
        reindexing.request(document_id)
    else:
        document_id = store.begin_document(
            b"x", name="x", collection="default", media_type="text/plain"
        ).document_id
    asked = len(jobs.recent(10, tenant="default"))
    with pytest.raises(DocumentBusy):
        reindexing.request(document_id)
    claim = claimed(queue)
    with pytest.raises(DocumentBusy):
        reindexing.request(document_id)
    assert commit(store, claim, "words").status == "indexed"
    assert len(jobs.recent(10, tenant="default")) == asked


def test_an_unknown_document_cannot_be_read_again(reindexing: Reindexing, jobs: Jobs) -> None:
    with pytest.raises(UnknownDocument):
        reindexing.request("nobody")
    assert jobs.recent(10, tenant="default") == []


def test_without_its_file_a_document_cannot_be_read_again(
    store: KnowledgeStore, reindexing: Reindexing, old: DocumentInfo, tmp_path: Path
) -> None:
    (tmp_path / "originals" / old.sha256[:2] / old.sha256).unlink()
    with pytest.raises(MissingOriginal):
        reindexing.request(old.document_id)
    assert store.get_document(old.document_id) == old


def test_a_chunk_of_the_vector_store_interface_is_refused(
    store: KnowledgeStore, reindexing: Reindexing
) -> None:
    texts = [NewText("mine", "some words")]
    vectors = fake_model().embed(["some words"])
    store.put_texts(texts, vectors, collection="default", embedding_model="fake:words")
    (info,) = store.list_documents()
    with pytest.raises(InvalidRequest, match="VectorStore"):
        reindexing.request(info.document_id)
    assert store.get_document(info.document_id) == info


def test_uploads_come_before_what_is_read_again(
    store: KnowledgeStore, queue: DocumentQueue, reindexing: Reindexing, old: DocumentInfo
) -> None:
    reindexing.request(old.document_id)
    new = store.begin_document(b"x" * 999, name="x", collection="default", media_type="text/plain")
    assert claimed(queue).document_id == new.document_id
    assert claimed(queue).document_id == old.document_id


def test_a_dead_worker_is_succeeded_and_changes_nothing_more(
    store: KnowledgeStore, reindexing: Reindexing, old: DocumentInfo
) -> None:
    moments = [1_000.0]
    queue = store.queue(lease_s=20, now=lambda: moments[0])
    reindexing.request(old.document_id)
    dead = claimed(queue, "dead")
    store.drafts().save_parsed(dead, b"draft")
    assert queue.claim(old.document_id, "heir") is None
    moments[0] += 21
    heir = claimed(queue, "heir")
    assert (heir.attempt, heir.reindexing) == (2, True)
    assert store.drafts().load_parsed(old.document_id) == b"draft"
    for write in (
        lambda: queue.report(dead, "embedding", 1, 2),
        lambda: queue.fail(dead, CorruptDocument()),
        lambda: queue.release(dead),
        lambda: commit(store, dead, "of the dead"),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert [chunk.text for chunk in store.chunks([old.document_id])] == OLD
    queue.release(heir)
    assert commit(store, claimed(queue, "last"), "new words").chunks == 1


def test_a_postponed_reading_says_why_and_keeps_the_document_ready(
    store: KnowledgeStore, queue: DocumentQueue, reindexing: Reindexing, old: DocumentInfo
) -> None:
    reindexing.request(old.document_id)
    queue.postpone(claimed(queue), ModelRateLimited("too many"), 30)
    info = store.get_document(old.document_id)
    assert info.reindexing is not None
    assert info.reindexing.error is not None
    assert (info.status, info.reindexing.status, info.warnings) == ("indexed", "parsing", [])
    assert info.reindexing.error.detail == "too many; it is tried again in 30 s"
    assert queue.claim_next("b") is None


@pytest.mark.parametrize("act", ["delete", "clear", "cancel"])
def test_deleting_and_cancelling_win(
    store: KnowledgeStore, queue: DocumentQueue, reindexing: Reindexing, old: DocumentInfo, act: str
) -> None:
    job_id = reindexing.request(old.document_id)
    claim = claimed(queue)
    store.drafts().save_parsed(claim, b"draft")
    if act == "delete":
        store.delete_document(old.document_id)
    elif act == "clear":
        store.clear("default")
    else:
        reindexing.cancel(job_id)
    assert queue.renew(["a"]) == set()
    for write in (lambda: store.drafts().save_parsed(claim, b"{}"), lambda: commit(store, claim, "new")):
        with pytest.raises(LeaseLost):
            write()
    if act == "cancel":
        cancelled = store.get_document(old.document_id)
        assert cancelled == old.model_copy(update={"reindexing": ReindexInfo(status="cancelled")})
        assert [chunk.text for chunk in store.chunks([old.document_id])] == OLD
    else:
        assert store.list_documents() == []
        assert store.drafts().load_parsed(old.document_id) is None


def test_a_cancelled_reading_is_resumed_with_its_drafts(
    store: KnowledgeStore, queue: DocumentQueue, reindexing: Reindexing, old: DocumentInfo
) -> None:
    job_id = reindexing.request(old.document_id)
    store.drafts().save_parsed(claimed(queue), b"draft")
    reindexing.cancel(job_id)
    reindexing.resume(job_id)
    assert claimed(queue, "b").attempt == 1
    assert store.drafts().load_parsed(old.document_id) == b"draft"


def test_each_job_moves_its_own_reading_only(
    store: KnowledgeStore, queue: DocumentQueue, reindexing: Reindexing, jobs: Jobs, old: DocumentInfo
) -> None:
    upload = jobs.open(tenant="default", request_digest="")
    jobs.attach(upload, [old])
    first = reindexing.request(old.document_id)
    queue.fail(claimed(queue), CorruptDocument())
    second = reindexing.request(old.document_id)
    reindexing.cancel(first)
    reindexing.resume(first)
    queue.cancel(jobs.cancel(upload))
    queue.resume(jobs.resume(upload))
    assert stage(store.get_document(old.document_id)) == "queued"
    assert [jobs.get(job).state for job in (upload, first, second)] == ["done", "done", "queued"]
    reindexing.cancel(second)
    assert stage(store.get_document(old.document_id)) == "cancelled"


def test_what_an_upload_wants_since_is_not_cancelled(
    store: KnowledgeStore, queue: DocumentQueue, reindexing: Reindexing, jobs: Jobs
) -> None:
    begun = store.begin_document(b"words", name="a.txt", collection="default", media_type="text/plain")
    queue.fail(claimed(queue), CorruptDocument())
    job_id = reindexing.request(begun.document_id)
    upload = jobs.open(tenant="default", request_digest="")
    jobs.attach(upload, [store.get_document(begun.document_id)])
    reindexing.cancel(job_id)
    assert store.get_document(begun.document_id).status == "queued"
    jobs.cancel(upload)
    reindexing.cancel(job_id)
    assert store.get_document(begun.document_id).status == "cancelled"


def test_a_base_of_one_document_does_not_change_its_model_by_the_way(
    store: KnowledgeStore, queue: DocumentQueue, reindexing: Reindexing, old: DocumentInfo
) -> None:
    reindexing.request(old.document_id)
    claim = claimed(queue)
    with pytest.raises(EmbeddingModelMismatch):
        commit(store, claim, "new words", model="fake:other")
    assert store.embedding_model() == "fake:words"
    assert [chunk.text for chunk in store.chunks([old.document_id])] == OLD


def test_a_commit_that_breaks_off_on_the_way_changes_nothing(
    store: KnowledgeStore, queue: DocumentQueue, reindexing: Reindexing, old: DocumentInfo
) -> None:
    seen = store.position()
    reindexing.request(old.document_id)
    claim = claimed(queue)
    with pytest.raises(InvalidRequest):
        store.commit_document(
            claim.document_id,
            claim=claim,
            text="words",
            chunks=[NewChunk("words", None, 0, 5, metadata={"refused": object()})],
            vectors=np.ones((1, 64), dtype=np.float32),
            embedding_model="fake:words",
        )
    assert [chunk.text for chunk in store.chunks([old.document_id])] == OLD
    assert store.document_text(old.document_id) == "\n\n".join(OLD)
    assert store.position() == seen


@pytest.mark.sqlite
def test_looking_for_work_reads_no_document_that_has_none(store: KnowledgeStore, tmp_path: Path) -> None:
    add_document(store, OLD)
    condition = "status IN ('queued') OR reindexing IN ('queued')"
    with closing(sqlite3.connect(tmp_path / "llmops.db")) as database:
        plan = database.execute(f"EXPLAIN QUERY PLAN SELECT * FROM documents WHERE {condition}").fetchall()
    assert "SCAN" not in str(plan)


OF_BIRDS = {"filter": {"kind": "bird"}}


@pytest.mark.parametrize(
    ("moment", "options"),
    [
        ("select_chunk_nos", OF_BIRDS),
        ("sketches_by_no", {}),
        ("sketches_by_no", OF_BIRDS),
        ("chunks_by_no", {}),
    ],
)
def test_a_search_misses_nothing_that_is_exchanged_under_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, moment: str, options: dict[str, Any]
) -> None:
    times = iter(range(3))
    with open_test_knowledge(tmp_path) as knowledge:
        store = knowledge.store
        info = add_document(store, OLD, metadata={"kind": "bird"})
        original = getattr(KnowledgeStore, moment)

        def exchange() -> None:
            if next(times, None) is not None:
                store.reindexing().request(info.document_id)
                commit(store, claimed(store.queue(lease_s=20)), *OLD)

        def outdated(*arguments: object, **named: object) -> object:
            """What is loaded by numbers is so when the call comes; what is selected, when it is given."""
            if moment != "select_chunk_nos":
                exchange()
            given = original(*arguments, **named)
            if moment == "select_chunk_nos":
                exchange()
            return given

        monkeypatch.setattr(KnowledgeStore, moment, outdated)
        hits = knowledge.retriever.search("Where does the heron stand?", k=1, **options).hits
        assert [hit.chunk.text for hit in hits] == [OLD[0]]
        assert next(times, None) is None
