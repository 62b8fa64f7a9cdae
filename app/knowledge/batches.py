"""Questions that are answered one after another in the background, and the answers until their job is forgotten."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import (
    Connection,
    Row,
    Text,
    and_,
    case,
    cast,
    delete,
    func,
    insert,
    or_,
    select,
    tuple_,
    update,
)

from app.errors import UnknownDocument, UnknownJob
from app.knowledge.database import Database
from app.knowledge.tables import batch_citations, batch_items, documents, jobs
from app.knowledge.turns import Turns, Waiting
from app.schemas import BatchResult, ProblemInfo

_PAGE = 500
_UNFINISHED = ("queued", "running")
_IDLE: dict[str, Any] = {"lease_owner": None, "lease_until": None}
_FORGOTTEN: dict[str, Any] = {
    "state": "failed",
    "answer": None,
    "problem": {"code": UnknownDocument.code, "detail": "The answer rested on a document that was deleted"},
}


@dataclass(frozen=True, slots=True)
class NewItem:
    """A question as it came, and the fields of the run it asks for, or why there can be none."""

    question: str
    request: Mapping[str, Any]
    problem: ProblemInfo | None = None


@dataclass(frozen=True, slots=True)
class BatchClaim:
    """A question that one worker has to itself."""

    job_id: str
    ordinal: int
    owner: str
    request: Mapping[str, Any]


class Batches:
    """Every method is one transaction. `lease_s` is how long a dead worker keeps others waiting."""

    def __init__(self, database: Database, *, lease_s: float, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now
        self._turns = Turns()
        self.lease_s = lease_s

    def open(self, items: Sequence[NewItem], *, tenant: str) -> str:
        """Store the questions durably as a job and give its id; those with a problem are finished already."""
        job_id = uuid4().hex
        rows = [
            {
                "job_id": job_id,
                "ordinal": ordinal,
                "question": item.question,
                "request": dict(item.request),
                "state": "queued" if item.problem is None else "failed",
                "problem": item.problem.model_dump() if item.problem is not None else None,
            }
            for ordinal, item in enumerate(items)
        ]
        with self._database.writing() as connection:
            connection.execute(
                insert(jobs).values(
                    job_id=job_id,
                    tenant=tenant,
                    created_at=datetime.now(UTC),
                    request_digest="",
                    unit="questions",
                )
            )
            connection.execute(insert(batch_items), rows)
        return job_id

    def claim_next(self, owner: str, *, but_of: Collection[str] = ()) -> BatchClaim | None:
        """Take a question; None when there is none that nobody has.

        Tenants take turns; of the next one it is the next question of the oldest job. `but_of` are tenants whose
        questions are left where they are.
        """
        for tenant in self._turns.order(self._waiting(but_of)):
            claim = self._claim(owner, tenant)
            if claim is not None:
                self._turns.took(tenant)
                return claim
        return None

    def _waiting(self, but_of: Collection[str]) -> list[Waiting]:
        """Whose questions are due. Most calls of workers end here, and readers never wait."""
        now = self._now()
        is_running = and_(batch_items.c.state == "running", batch_items.c.lease_until >= now)
        since = func.min(case((_is_due(now), jobs.c.created_at)))
        by_owner = (
            select(jobs.c.tenant, func.sum(case((is_running, 1), else_=0)), since)
            .join_from(batch_items, jobs)
            .where(batch_items.c.state.in_(_UNFINISHED), jobs.c.tenant.not_in(but_of))
            .group_by(jobs.c.tenant)
            .having(since.is_not(None))
        )
        with self._database.reading() as connection:
            return [Waiting(*row) for row in connection.execute(by_owner)]

    def _claim(self, owner: str, tenant: str) -> BatchClaim | None:
        now = self._now()
        due = (
            select(batch_items.c.job_id, batch_items.c.ordinal, batch_items.c.request)
            .join_from(batch_items, jobs)
            .where(jobs.c.tenant == tenant, _is_due(now))
            .order_by(jobs.c.created_at, batch_items.c.job_id, batch_items.c.ordinal)
            .limit(1)
            .with_for_update(skip_locked=True, of=batch_items)
        )
        with self._database.writing(in_order=False) as connection:
            row = connection.execute(due).one_or_none()
            if row is None:
                return None
            lease = {"lease_owner": owner, "lease_until": now + self.lease_s, "started_at": now}
            this = _is_item(row.job_id, row.ordinal)
            connection.execute(update(batch_items).where(this).values(state="running", **lease))
            return BatchClaim(row.job_id, row.ordinal, owner, row.request)

    def renew(self, owners: Collection[str]) -> frozenset[str]:
        """Prolong the leases of these owners, and tell which of them still have one."""
        held = batch_items.c.lease_owner.in_(owners) & (batch_items.c.state == "running")
        with self._database.writing() as connection:
            connection.execute(update(batch_items).where(held).values(lease_until=self._now() + self.lease_s))
            return frozenset(connection.scalars(select(batch_items.c.lease_owner).where(held)))

    def finish(
        self,
        claim: BatchClaim,
        *,
        answer: Mapping[str, Any] | None = None,
        problem: ProblemInfo | None = None,
    ) -> None:
        """Keep the answer, or why there is none; nothing when the question was cancelled or taken over."""
        values = _IDLE | {
            "state": "failed" if answer is None else "done",
            "answer": dict(answer) if answer is not None else None,
            "problem": problem.model_dump() if problem is not None else None,
        }
        cited = [] if answer is None else _documents_in(answer)
        with self._database.writing() as connection:
            there = select(func.count()).where(documents.c.document_id.in_(cited))
            if connection.execute(there).scalar_one() < len(cited):
                values |= _FORGOTTEN
                cited = []
            changed = connection.execute(update(batch_items).where(_is_held(claim)).values(values))
            if changed.rowcount and cited:
                place = {"job_id": claim.job_id, "ordinal": claim.ordinal}
                rows = [{"document_id": document_id, **place} for document_id in cited]
                connection.execute(insert(batch_citations), rows)

    def release(self, claim: BatchClaim) -> None:
        """Give a question back unanswered."""
        with self._database.writing(in_order=False) as connection:
            connection.execute(update(batch_items).where(_is_held(claim)).values(state="queued", **_IDLE))

    def cancel(self, job_id: str) -> None:
        """Answer no more of the job's questions."""
        self._change(job_id, batch_items.c.state.in_(_UNFINISHED), state="cancelled", **_IDLE)

    def resume(self, job_id: str) -> None:
        """Ask those again that failed or were cancelled; not those that could never be asked."""
        again = and_(
            batch_items.c.state.in_(["failed", "cancelled"]), cast(batch_items.c.request, Text) != "{}"
        )
        self._change(job_id, again, state="queued", problem=None, **_IDLE)

    def results(self, job_id: str) -> Iterator[BatchResult]:
        """Each question in order, with its answer or problem as far as there is one.

        Raises:
            UnknownJob: there is no such job, or it is none of questions.
        """
        with self._database.reading() as connection:
            unit = connection.scalar(select(jobs.c.unit).where(jobs.c.job_id == job_id))
        if unit != "questions":
            raise UnknownJob(f"There is no batch of questions {job_id!r}")
        return self._pages(job_id)

    def _pages(self, job_id: str) -> Iterator[BatchResult]:
        last = -1
        while True:
            page = (
                select(batch_items)
                .where(batch_items.c.job_id == job_id, batch_items.c.ordinal > last)
                .order_by(batch_items.c.ordinal)
                .limit(_PAGE)
            )
            with self._database.reading() as connection:
                rows = connection.execute(page).all()
            yield from map(_as_result, rows)
            if len(rows) < _PAGE:
                return
            last = rows[-1].ordinal

    def _change(self, job_id: str, condition: Any, **values: Any) -> None:
        with self._database.writing() as connection:
            connection.execute(
                update(batch_items).where(batch_items.c.job_id == job_id, condition).values(values)
            )


def forget_answers(connection: Connection, document_ids: Collection[str]) -> None:
    """Remove the answers that quote documents which are being deleted."""
    cites = batch_citations.c.document_id.in_(document_ids)
    found = select(batch_citations.c.job_id, batch_citations.c.ordinal).where(cites)
    places = [tuple(row) for row in connection.execute(found.distinct())]
    for start in range(0, len(places), _PAGE):
        items = tuple_(batch_items.c.job_id, batch_items.c.ordinal).in_(places[start : start + _PAGE])
        connection.execute(update(batch_items).where(items).values(_FORGOTTEN))
        cited = tuple_(batch_citations.c.job_id, batch_citations.c.ordinal)
        connection.execute(delete(batch_citations).where(cited.in_(places[start : start + _PAGE])))


def _documents_in(answer: Mapping[str, Any]) -> list[str]:
    """The documents of which something is quoted, be it only as what comes nearest."""
    return sorted({quoted["document_id"] for quoted in [*answer["citations"], *answer["nearest"]]})


def _is_item(job_id: str, ordinal: int) -> Any:
    return and_(batch_items.c.job_id == job_id, batch_items.c.ordinal == ordinal)


def _is_due(now: float) -> Any:
    abandoned = and_(batch_items.c.state == "running", batch_items.c.lease_until < now)
    return or_(batch_items.c.state == "queued", abandoned)


def _is_held(claim: BatchClaim) -> Any:
    return and_(
        _is_item(claim.job_id, claim.ordinal),
        batch_items.c.lease_owner == claim.owner,
        batch_items.c.state == "running",
    )


def _as_result(row: Row[Any]) -> BatchResult:
    return BatchResult(
        number=row.ordinal + 1,
        question=row.question,
        state=row.state,
        answer=row.answer,
        problem=ProblemInfo(**row.problem) if row.problem else None,
    )
