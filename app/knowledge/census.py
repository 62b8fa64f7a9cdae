"""How much there is, and how much waits, for whoever watches over the service."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import get_args

from sqlalchemy import func, select

from app.knowledge.changes import load_position
from app.knowledge.database import Database
from app.knowledge.document_queue import UNFINISHED
from app.knowledge.records import Position
from app.knowledge.rows import total_of
from app.knowledge.tables import batch_items, documents, jobs
from app.schemas import DocumentStatus


@dataclass(frozen=True, slots=True)
class Waiting:
    """What is unfinished, and how many seconds ago the oldest of it came in; 0 where nothing waits."""

    count: int
    oldest_s: float


@dataclass(frozen=True, slots=True)
class Census:
    """Documents by their status, with zeros; `bytes` of all originals, `position` of the store."""

    documents: dict[str, int]
    bytes: int
    chunks: int
    position: Position
    waiting_documents: Waiting
    waiting_questions: Waiting


def take_census(database: Database) -> Census:
    """One look at the store, whose time grows with its documents, not with what is in them."""
    by_status = select(
        documents.c.status,
        func.count(),
        total_of(documents.c.bytes),
        total_of(documents.c.chunks),
        func.min(documents.c.created_at),
    ).group_by(documents.c.status)
    unanswered = (
        select(func.count(), func.min(jobs.c.created_at))
        .join_from(batch_items, jobs)
        .where(batch_items.c.state.in_(("queued", "running")))
    )
    with database.reading() as connection:
        rows = connection.execute(by_status).all()
        questions, asked = connection.execute(unanswered).one()
        position = load_position(connection)
    counts = {row[0]: row[1] for row in rows}
    came = [row[4] for row in rows if row[0] in UNFINISHED]
    return Census(
        documents={status: counts.get(status, 0) for status in get_args(DocumentStatus)},
        bytes=sum(row[2] for row in rows),
        chunks=sum(row[3] for row in rows),
        position=position,
        waiting_documents=_waiting(sum(counts.get(status, 0) for status in UNFINISHED), came),
        waiting_questions=_waiting(questions, [asked] if asked is not None else []),
    )


def _waiting(count: int, since: list[datetime]) -> Waiting:
    now = datetime.now(UTC)
    return Waiting(count, max(((now - moment).total_seconds() for moment in since), default=0.0))
