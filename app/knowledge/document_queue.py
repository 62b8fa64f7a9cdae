"""Documents on their way: who works on which, for how long, and what is done of it already.

A worker claims a document by a lease, which it renews while it works. When the lease ends, because its process was
killed, the next worker goes on from the drafts that it finds. Every write of a worker is fenced: one whose document was
deleted, cancelled or taken over is told so by `LeaseLost` and changes nothing.

An indexed document that is read again waits in the same queue. How far that is stands in fields of its own, and what
was indexed stays as it is until the new reading takes its place.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, CursorResult, Row, and_, case, func, or_, select, update

from app.errors import LeaseLost, LlmopsError
from app.knowledge.database import Database
from app.knowledge.ownership import belongs_to
from app.knowledge.tables import documents
from app.knowledge.turns import Turns, Waiting, by_tenant
from app.schemas import DocumentInfo, DocumentStatus, ProblemInfo

UNFINISHED = ("queued", "parsing", "embedding")
IDLE: dict[str, Any] = {"lease_owner": None, "lease_until": None, "done": None, "total": None}
QUEUED: dict[str, Any] = {
    **IDLE,
    "status": "queued",
    "error": None,
    "extraction": None,
    "attempts": 0,
    "not_before": None,
    "started_at": None,
    "reindex_job": None,
}
FINISHED: dict[str, Any] = {
    **IDLE,
    "status": "indexed",
    "error": None,
    "reindexing": None,
    "reindex_error": None,
}
_COLLECTION: Any = documents.c.collection
_OF_REINDEXING = {"status": "reindexing", "error": "reindex_error"}


@dataclass(frozen=True, slots=True)
class Lease:
    """`owner` may work on a document from `since` until `until`, in seconds since 1970."""

    owner: str
    since: float
    until: float


@dataclass(frozen=True, slots=True)
class Claim:
    """A document that one worker has to itself; `attempt` counts from 1. It may be indexed and be `reindexing`."""

    document_id: str
    owner: str
    name: str
    media_type: str
    collection: str
    attempt: int
    reindexing: bool = False


class DocumentQueue:
    """The queue that the documents themselves are. `lease_s` is how long a dead worker keeps others waiting."""

    def __init__(self, database: Database, *, lease_s: float, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now
        self._turns = Turns()
        self.lease_s = lease_s

    def lease(self, owner: str) -> Lease:
        now = self._now()
        return Lease(owner, now, now + self.lease_s)

    def claim_next(self, owner: str, *, smallest_first: bool = False) -> Claim | None:
        """Take a document that is due and that nobody has; None when there is none.

        Tenants take turns; of the next one it is the oldest or the smallest. Those that can be asked about already, and
        are only read again, come last.
        """
        order = documents.c.bytes if smallest_first else documents.c.created_at
        due = self._due().order_by(documents.c.reindexing.is_not(None), order).limit(1)
        for tenant in self._turns.order(self._waiting()):
            claim = self._claim(owner, due.where(belongs_to(_COLLECTION, tenant)))
            if claim is not None:
                self._turns.took(tenant)
                return claim
        return None

    def _waiting(self) -> list[Waiting]:
        """What is due of each tenant. Most calls of workers end here, and readers never wait."""
        now = self._now()
        is_due, is_running = _is_due(now), documents.c.lease_until >= now
        by_collection = (
            select(
                documents.c.collection,
                func.sum(case((is_running, 1), else_=0)),
                func.min(case((is_due, documents.c.created_at))),
                func.sum(case((and_(is_due, documents.c.reindexing.is_(None)), 1), else_=0)) == 0,
            )
            .where(_is_on_its_way())
            .group_by(documents.c.collection)
        )
        with self._database.reading() as connection:
            return by_tenant(
                (row[0], row[1], row[2], bool(row[3])) for row in connection.execute(by_collection)
            )

    def claim(self, document_id: str, owner: str) -> Claim | None:
        """Take this document; None when it is finished, not due yet or somebody else's."""
        return self._claim(owner, self._due().where(documents.c.document_id == document_id))

    def _due(self) -> Any:
        return select(documents).where(_is_due(self._now()))

    def _claim(self, owner: str, due: Any) -> Claim | None:
        with self._database.writing(in_order=False) as connection:
            row = connection.execute(due.with_for_update(skip_locked=True)).one_or_none()
            if row is None:
                return None
            values = leased(self.lease(owner)) | {"attempts": row.attempts + 1}
            if row.started_at is not None:
                del values["started_at"]
            this = documents.c.document_id == row.document_id
            written = as_written(values, reindexing=row.reindexing in UNFINISHED)
            connection.execute(update(documents).where(this).values(written))
            return as_claim(connection.execute(select(documents).where(this)).one())

    def renew(self, owners: Collection[str]) -> frozenset[str]:
        """Prolong the leases of these owners, and tell which of them still have one."""
        held = documents.c.lease_owner.in_(owners) & _is_on_its_way()
        # One that is locked is being committed or deleted; nobody else can claim it meanwhile.
        free = select(documents.c.document_id).where(held).with_for_update(key_share=True, skip_locked=True)
        with self._database.writing(in_order=False) as connection:
            own = documents.c.document_id.in_(list(connection.scalars(free)))
            connection.execute(update(documents).where(own).values(lease_until=self._now() + self.lease_s))
            return frozenset(connection.scalars(select(documents.c.lease_owner).where(held)))

    def report(self, claim: Claim, status: DocumentStatus, done: int | None, total: int | None) -> None:
        """Note how far the work is; whatever went wrong before is overcome. Raises LeaseLost."""
        self._write(claim, status=status, done=done, total=total, error=None)

    def release(self, claim: Claim) -> None:
        """Give a document back unfinished, as if this attempt had not been made. Raises LeaseLost."""
        self._write(claim, **IDLE, attempts=claim.attempt - 1)

    def postpone(self, claim: Claim, error: LlmopsError, delay_s: float) -> None:
        """Give a document back that shall be tried again later. Raises LeaseLost."""
        detail = f"{error.detail}; it is tried again in {delay_s:.0f} s"
        problem = ProblemInfo(code=error.code, detail=detail)
        self._write(claim, **IDLE, not_before=self._now() + delay_s, error=problem.model_dump())

    def fail(self, claim: Claim, error: LlmopsError, *, extraction: Mapping[str, Any] | None = None) -> None:
        """Give up on a document, for the reason given; `extraction` is what was found out before. Raises LeaseLost."""
        problem = ProblemInfo(code=error.code, detail=error.detail)
        self._write(claim, **IDLE, status="failed", error=problem.model_dump(), extraction=extraction)

    def cancel(self, document_ids: Collection[str]) -> None:
        """Stop the work on those of the documents that are unfinished; what was done of it is kept."""
        self._change(document_ids, documents.c.status.in_(UNFINISHED), status="cancelled", **IDLE)

    def resume(self, document_ids: Collection[str]) -> None:
        """Put those of the documents that failed or were cancelled into the queue again."""
        self._change(document_ids, documents.c.status.in_(["failed", "cancelled"]), **QUEUED)

    def _change(self, document_ids: Collection[str], condition: ColumnElement[bool], **values: Any) -> None:
        chosen = documents.c.document_id.in_(document_ids)
        with self._database.writing() as connection:
            connection.execute(update(documents).where(chosen, condition).values(values))

    def _write(self, claim: Claim, **values: Any) -> None:
        with self._database.writing(in_order=False) as connection:
            written = as_written(values, reindexing=claim.reindexing)
            changed: CursorResult[Any] = connection.execute(
                update(documents).where(is_held(claim)).values(written)
            )
            if changed.rowcount == 0:
                raise lease_lost(claim)


def leased(lease: Lease) -> dict[str, Any]:
    """What a document looks like on which the first attempt begins."""
    return {
        "status": "parsing",
        "lease_owner": lease.owner,
        "lease_until": lease.until,
        "started_at": lease.since,
        "attempts": 1,
    }


def as_written(values: Mapping[str, Any], *, reindexing: bool) -> dict[str, Any]:
    """The fields of a document to which these are written: one that is read again keeps those of what is indexed."""
    if not reindexing:
        return dict(values)
    return {_OF_REINDEXING.get(name, name): value for name, value in values.items() if name != "extraction"}


def as_claim(row: Row[Any]) -> Claim:
    """The claim of the worker that has the document."""
    return Claim(
        row.document_id,
        row.lease_owner,
        row.name,
        row.media_type,
        row.collection,
        row.attempts,
        reindexing=row.reindexing in UNFINISHED,
    )


def is_held(claim: Claim) -> ColumnElement[bool]:
    """Whether the document is still this worker's. An ended lease that nobody took over yet still counts."""
    return and_(
        documents.c.document_id == claim.document_id,
        documents.c.lease_owner == claim.owner,
        _is_on_its_way(),
    )


def require_held(connection: Connection, claim: Claim) -> None:
    """Raises LeaseLost unless the claim is good until the end of this writing transaction."""
    held = select(documents.c.document_id).where(is_held(claim)).with_for_update(key_share=True)
    if connection.execute(held).first() is None:
        raise lease_lost(claim)


def lease_lost(claim: Claim) -> LeaseLost:
    return LeaseLost(f"Document {claim.document_id!r} was deleted, cancelled or taken over by another worker")


def is_unfinished(info: DocumentInfo) -> bool:
    """Whether a document is being read, for the first time or again, or waits for it."""
    return info.status in UNFINISHED or (info.reindexing is not None and info.reindexing.status in UNFINISHED)


def _is_on_its_way() -> ColumnElement[bool]:
    return or_(documents.c.status.in_(UNFINISHED), documents.c.reindexing.in_(UNFINISHED))


def _is_due(now: float) -> ColumnElement[bool]:
    return and_(
        _is_on_its_way(),
        or_(documents.c.lease_until.is_(None), documents.c.lease_until < now),
        or_(documents.c.not_before.is_(None), documents.c.not_before < now),
    )
