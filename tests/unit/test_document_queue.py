"""The queue of documents: one worker at a time has a document, and one that has lost it changes nothing."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from app.errors import CorruptDocument, LeaseLost, ModelRateLimited, UnknownDocument
from app.knowledge.document_queue import Claim, DocumentQueue
from app.knowledge.records import NewChunk
from app.knowledge.store import KnowledgeStore, open_store
from app.tenancy import stored_name, tenant_of
from tests.knowledge_base import add_document, fake_model
from tests.postgres import database_url

LEASE_S = 20.0


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.time = 1_000.0

    def __call__(self) -> float:
        return self.time


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[KnowledgeStore]:
    with open_store(database_url(tmp_path), tmp_path) as opened:
        yield opened


@pytest.fixture
def queue(store: KnowledgeStore, clock: Clock) -> DocumentQueue:
    return store.queue(lease_s=LEASE_S, now=clock)


def begin(store: KnowledgeStore, text: str = "some words") -> str:
    return store.begin_document(
        text.encode(), name="a.txt", collection="default", media_type="text/plain"
    ).document_id


def claimed(queue: DocumentQueue, owner: str) -> Claim:
    claim = queue.claim_next(owner)
    assert claim is not None
    return claim


def commit(store: KnowledgeStore, claim: Claim) -> str:
    return store.commit_document(
        claim.document_id,
        claim=claim,
        text="some words",
        chunks=[NewChunk("some words", None, 0, 10)],
        vectors=np.ones((1, 8), dtype=np.float32),
        embedding_model=fake_model().name,
    ).status


def test_the_oldest_comes_first_and_nobody_gets_it_twice(store: KnowledgeStore, queue: DocumentQueue) -> None:
    first, second = begin(store, "first"), begin(store, "second")
    assert [claimed(queue, "a").document_id, claimed(queue, "b").document_id] == [first, second]
    assert queue.claim_next("c") is None
    assert queue.claim(first, "c") is None
    assert store.get_document(first).status == "parsing"


def test_small_documents_can_overtake_large_ones(store: KnowledgeStore, queue: DocumentQueue) -> None:
    large, small = begin(store, "large " * 1_000), begin(store, "small")
    claim = queue.claim_next("quick", smallest_first=True)
    assert claim is not None
    assert claim.document_id == small
    assert claimed(queue, "steady").document_id == large


def begin_of(store: KnowledgeStore, tenant: str, count: int) -> list[str]:
    name = stored_name(tenant, "files")
    return [
        store.begin_document(
            f"{tenant} {number}".encode(), name="a.txt", collection=name, media_type="text/plain"
        ).document_id
        for number in range(count)
    ]


@pytest.mark.parametrize("smallest_first", [False, True])
@pytest.mark.parametrize("many", ["north", "default"])
def test_one_worker_alone_serves_tenants_in_turns(
    store: KnowledgeStore, queue: DocumentQueue, many: str, smallest_first: bool
) -> None:
    begin_of(store, many, 200)
    waiting = {"south": begin_of(store, "south", 2), "east": begin_of(store, "east", 1)}
    turns = []
    for _ in range(6):
        claim = queue.claim_next("alone", smallest_first=smallest_first)
        assert claim is not None
        turns.append(tenant_of(claim.collection))
        queue.fail(claim, CorruptDocument("next"))
    assert turns == [many, "south", "east", many, "south", many]
    assert [store.get_document(document_id).status for ids in waiting.values() for document_id in ids] == [
        "failed"
    ] * 3


def test_who_has_least_that_is_being_worked_on_is_next_whoever_works_on_it(
    store: KnowledgeStore, clock: Clock
) -> None:
    """Each process has a queue of its own, which knows of the others by what is stored alone."""
    begin_of(store, "north", 5)
    for owner in ("a", "b"):
        claimed(store.queue(lease_s=LEASE_S, now=clock), owner)
    (of_south,) = begin_of(store, "south", 1)
    assert claimed(store.queue(lease_s=LEASE_S, now=clock), "c").document_id == of_south
    begin_of(store, "south", 2)
    taken = claimed(store.queue(lease_s=LEASE_S, now=clock), "d")
    assert tenant_of(taken.collection) == "south"


def test_what_is_only_read_again_waits_for_the_first_readings_of_others(
    store: KnowledgeStore, queue: DocumentQueue
) -> None:
    (known,) = begin_of(store, "north", 1)
    commit(store, claimed(queue, "a"))
    store.reindexing().request(known)
    fresh = begin_of(store, "south", 2)
    assert [claimed(queue, owner).document_id for owner in "bcd"] == [*fresh, known]


def test_what_a_dead_worker_had_is_taken_over_when_its_lease_ends(
    store: KnowledgeStore, queue: DocumentQueue, clock: Clock
) -> None:
    begin(store)
    dead = claimed(queue, "dead")
    clock.time += LEASE_S - 1
    assert queue.claim_next("heir") is None
    clock.time += 2
    heir = claimed(queue, "heir")
    assert (heir.document_id, heir.attempt) == (dead.document_id, 2)
    with pytest.raises(LeaseLost):
        commit(store, dead)
    with pytest.raises(LeaseLost):
        queue.fail(dead, CorruptDocument())
    assert commit(store, heir) == "indexed"


def test_a_lease_that_is_renewed_does_not_end(
    store: KnowledgeStore, queue: DocumentQueue, clock: Clock
) -> None:
    begin(store)
    claimed(queue, "alive")
    for _ in range(5):
        clock.time += LEASE_S - 1
        assert queue.renew(["alive", "unknown"]) == {"alive"}
    assert queue.claim_next("other") is None


def test_an_ended_lease_that_nobody_took_over_still_commits(
    store: KnowledgeStore, queue: DocumentQueue, clock: Clock
) -> None:
    begin(store)
    slow = claimed(queue, "slow")
    clock.time += 10 * LEASE_S
    assert commit(store, slow) == "indexed"


def test_a_postponed_document_waits_and_says_why(
    store: KnowledgeStore, queue: DocumentQueue, clock: Clock
) -> None:
    document_id = begin(store)
    queue.postpone(claimed(queue, "a"), ModelRateLimited("too many"), 30)
    info = store.get_document(document_id)
    assert info.status == "parsing"
    assert info.error is not None
    assert (info.error.code, info.error.detail) == (
        "model_rate_limited",
        "too many; it is tried again in 30 s",
    )
    assert queue.claim_next("b") is None
    clock.time += 31
    again = claimed(queue, "b")
    assert again.attempt == 2
    commit(store, again)
    assert store.get_document(document_id).error is None


def test_a_released_document_can_be_had_at_once_and_no_attempt_is_counted(
    store: KnowledgeStore, queue: DocumentQueue
) -> None:
    begin(store)
    queue.release(claimed(queue, "a"))
    assert claimed(queue, "b").attempt == 1


@pytest.mark.parametrize("act", ["cancel", "delete"])
def test_the_work_on_a_document_that_nobody_wants_changes_nothing(
    store: KnowledgeStore, queue: DocumentQueue, act: str
) -> None:
    document_id = begin(store)
    claim = claimed(queue, "a")
    if act == "cancel":
        queue.cancel([document_id])
    else:
        store.delete_document(document_id)
    assert queue.renew(["a"]) == set()
    for write in (
        lambda: queue.report(claim, "embedding", 1, 2),
        lambda: queue.postpone(claim, ModelRateLimited(), 1),
        lambda: queue.release(claim),
        lambda: store.drafts().save_parsed(claim, b"{}"),
        lambda: commit(store, claim),
    ):
        with pytest.raises(LeaseLost):
            write()
    assert store.stats().chunks == 0
    if act == "cancel":
        assert store.get_document(document_id).status == "cancelled"
    else:
        with pytest.raises(UnknownDocument):
            store.get_document(document_id)


def test_indexed_documents_are_neither_cancelled_nor_queued_again(
    store: KnowledgeStore, queue: DocumentQueue
) -> None:
    info = add_document(store, ["text"])
    queue.cancel([info.document_id])
    queue.resume([info.document_id])
    assert store.get_document(info.document_id) == info
    assert queue.claim_next("a") is None


def test_a_cancelled_document_can_be_resumed_with_its_drafts(
    store: KnowledgeStore, queue: DocumentQueue
) -> None:
    document_id = begin(store)
    claim = claimed(queue, "a")
    store.drafts().save_parsed(claim, b"draft")
    queue.cancel([document_id])
    assert queue.claim_next("b") is None
    queue.resume([document_id])
    assert claimed(queue, "b").attempt == 1
    assert store.drafts().load_parsed(document_id) == b"draft"


def test_an_upload_of_what_is_on_its_way_leaves_the_worker_alone(
    store: KnowledgeStore, queue: DocumentQueue
) -> None:
    begin(store)
    claim = claimed(queue, "a")
    begin(store)
    assert commit(store, claim) == "indexed"


def test_a_lease_comes_with_a_new_document_only(store: KnowledgeStore, queue: DocumentQueue) -> None:
    def begin_leased(owner: str) -> Claim | None:
        return store.begin_leased(
            b"x", name="x", collection="default", media_type="text/plain", lease=queue.lease(owner)
        )[1]

    first = begin_leased("a")
    assert first is not None
    assert (first.owner, first.attempt) == ("a", 1)
    assert begin_leased("b") is None
    assert queue.claim_next("b") is None


# Drafts


def test_drafts_give_vectors_back_in_order_and_only_for_their_model(
    store: KnowledgeStore, queue: DocumentQueue
) -> None:
    document_id = begin(store)
    claim, drafts = claimed(queue, "a"), store.drafts()
    matrix = np.arange(20, dtype=np.float32).reshape(5, 4)
    drafts.save_vectors(claim, 0, matrix[:3], embedding_model="m")
    drafts.save_vectors(claim, 3, matrix[3:], embedding_model="m")
    loaded = drafts.load_vectors(document_id, embedding_model="m")
    assert np.array_equal(np.concatenate(loaded), matrix)
    assert drafts.load_vectors(document_id, embedding_model="other") == []
    drafts.save_vectors(claim, 0, matrix[:1], embedding_model="other")  # begins anew
    assert [len(batch) for batch in drafts.load_vectors(document_id, embedding_model="other")] == [1]


@pytest.mark.parametrize("end", ["commit", "delete"])
def test_drafts_end_with_the_work(store: KnowledgeStore, queue: DocumentQueue, end: str) -> None:
    document_id = begin(store)
    claim, drafts = claimed(queue, "a"), store.drafts()
    drafts.save_parsed(claim, b"draft")
    drafts.save_vectors(claim, 0, np.ones((1, 8), dtype=np.float32), embedding_model="m")
    if end == "commit":
        commit(store, claim)
    else:
        store.delete_document(document_id)
    assert drafts.load_parsed(document_id) is None
    assert drafts.load_vectors(document_id, embedding_model="m") == []
