"""What clients asked for: each job is a list of documents or of questions, and how far it is follows from theirs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection, Row, exists, insert, select, update

from app.errors import IdempotencyKeyReused, UnknownJob
from app.knowledge.batch_progress import as_batch_job
from app.knowledge.database import Database
from app.knowledge.document_queue import UNFINISHED
from app.knowledge.rows import as_info
from app.knowledge.tables import documents, job_documents, jobs
from app.schemas import DocumentInfo, JobInfo, JobProgress, JobStage, JobState
from app.tenancy import stored_name


class Jobs:
    """Every method is one transaction."""

    def __init__(self, database: Database, now: Callable[[], float] = time.time) -> None:
        self._database = database
        self._now = now

    def open(self, *, tenant: str, request_digest: str, idempotency_key: str | None = None) -> str:
        """Begin a job and give its id; the same key of the same tenant gives the same job again.

        Raises:
            IdempotencyKeyReused: the key came with another request before.
        """
        stored_key = idempotency_key and stored_name(tenant, idempotency_key)
        with self._database.writing() as connection:
            if stored_key is not None:
                statement = select(jobs).where(jobs.c.idempotency_key == stored_key)
                if known := connection.execute(statement).one_or_none():
                    if known.request_digest != request_digest:
                        raise IdempotencyKeyReused(
                            f"Idempotency-Key {idempotency_key!r} came with other files"
                        )
                    return str(known.job_id)
            return insert_job(connection, tenant, request_digest, stored_key)

    def attach(self, job_id: str, begun: Sequence[DocumentInfo]) -> None:
        """Say which documents the job is about; only the first call counts."""
        with self._database.writing() as connection:
            if begun and not _document_ids(connection, job_id):
                attach_documents(connection, job_id, [(info.document_id, info.duplicate) for info in begun])

    def is_attached(self, job_id: str) -> bool:
        """Whether the job has its documents, deleted ones included; one that was interrupted at once has none."""
        with self._database.reading() as connection:
            return bool(_document_ids(connection, job_id))

    def require(self, job_id: str, tenant: str) -> None:
        """Raises UnknownJob: there is none, or it is another tenant's."""
        with self._database.reading() as connection:
            if _load(connection, job_id).tenant != tenant:
                raise UnknownJob(f"There is no job {job_id!r}")

    def get(self, job_id: str) -> JobInfo:
        """Raises UnknownJob."""
        with self._database.reading() as connection:
            job = _load(connection, job_id)
            if job.unit == "questions":
                return as_batch_job(connection, job, self._now())
            rows = connection.execute(
                select(documents, job_documents.c.duplicate.label("was_there"))
                .join_from(job_documents, documents, job_documents.c.document_id == documents.c.document_id)
                .where(job_documents.c.job_id == job_id)
                .order_by(job_documents.c.ordinal)
            ).all()
        return _as_job(job, rows, self._now())

    def recent(self, limit: int, *, tenant: str) -> list[JobInfo]:
        """The newest jobs of a tenant, newest first."""
        own = select(jobs.c.job_id).where(jobs.c.tenant == tenant)
        statement = own.order_by(jobs.c.created_at.desc(), jobs.c.job_id).limit(limit)
        with self._database.reading() as connection:
            newest = connection.scalars(statement).all()
        return [self.get(job_id) for job_id in newest]

    def cancel(self, job_id: str) -> list[str]:
        """Note that the job is not wanted any more; give the documents that no other job wants. Raises UnknownJob."""
        other = job_documents.alias()
        wanted = exists().where(
            other.c.document_id == job_documents.c.document_id,
            other.c.job_id == jobs.c.job_id,
            other.c.job_id != job_id,
            jobs.c.cancelled_at.is_(None),
        )
        with self._database.writing() as connection:
            _load(connection, job_id)
            _set_cancelled(connection, job_id, datetime.now(UTC))
            unwanted = select(job_documents.c.document_id).where(job_documents.c.job_id == job_id, ~wanted)
            return list(connection.scalars(unwanted))

    def resume(self, job_id: str) -> list[str]:
        """Want a job again and give its documents. Raises UnknownJob."""
        with self._database.writing() as connection:
            _load(connection, job_id)
            _set_cancelled(connection, job_id, None)
            return _document_ids(connection, job_id)


def insert_job(
    connection: Connection, tenant: str, request_digest: str = "", idempotency_key: str | None = None
) -> str:
    """Begin a job about documents and give its id."""
    job_id = uuid4().hex
    connection.execute(
        insert(jobs).values(
            job_id=job_id,
            tenant=tenant,
            created_at=datetime.now(UTC),
            idempotency_key=idempotency_key,
            request_digest=request_digest,
        )
    )
    return job_id


def attach_documents(connection: Connection, job_id: str, begun: Sequence[tuple[str, bool]]) -> None:
    """Say which documents a job is about, by their ids, and whether each was there already."""
    rows = [
        {"job_id": job_id, "ordinal": ordinal, "document_id": document_id, "duplicate": duplicate}
        for ordinal, (document_id, duplicate) in enumerate(begun)
    ]
    connection.execute(insert(job_documents), rows)


def _load(connection: Connection, job_id: str) -> Row[Any]:
    row = connection.execute(select(jobs).where(jobs.c.job_id == job_id)).one_or_none()
    if row is None:
        raise UnknownJob(f"There is no job {job_id!r}")
    return row


def _document_ids(connection: Connection, job_id: str) -> list[str]:
    statement = select(job_documents.c.document_id).where(job_documents.c.job_id == job_id)
    return list(connection.scalars(statement.order_by(job_documents.c.ordinal)))


def _set_cancelled(connection: Connection, job_id: str, moment: datetime | None) -> None:
    connection.execute(update(jobs).where(jobs.c.job_id == job_id).values(cancelled_at=moment))


def _as_job(job: Row[Any], rows: Sequence[Row[Any]], now: float) -> JobInfo:
    state = _state(job, [_stage(job, row) for row in rows])
    return JobInfo(
        job_id=job.job_id,
        state=state,
        status=state,
        progress=_progress(job, rows),
        eta_s=_estimate(job, rows, now) if state == "running" else None,
        documents=[as_info(row, duplicate=row.was_there) for row in rows],
        created_at=job.created_at,
    )


def _stage(job: Row[Any], row: Row[Any]) -> Any:
    """How far this job is with a document, which may be indexed and be read again, for this job or for another."""
    return (row.reindexing if row.reindex_job == job.job_id else None) or row.status


def _state(job: Row[Any], statuses: Sequence[str]) -> JobState:
    if set(statuses) == {"queued"}:
        return "queued"
    if any(status in UNFINISHED for status in statuses):
        return "running"
    if job.cancelled_at is not None or not statuses:
        return "cancelled"
    return "failed" if all(status != "indexed" for status in statuses) else "done"


def _progress(job: Row[Any], rows: Sequence[Row[Any]]) -> JobProgress:
    """One document is counted in its own units, chunks; several are counted themselves."""
    stages = [found for row in rows if (found := _stage(job, row)) in UNFINISHED]
    finished = len(rows) - len(stages)
    stage: JobStage = next(
        (status for status in stages if status != "queued"), stages[0] if stages else "finished"
    )
    if len(rows) == 1 and stages and rows[0].total:
        return JobProgress(done=rows[0].done or 0, total=rows[0].total, stage=stage, unit="chunks")
    return JobProgress(done=finished, total=len(rows), stage=stage, unit="documents")


def _estimate(job: Row[Any], rows: Sequence[Row[Any]], now: float) -> float | None:
    """Seconds that are left when the bytes that are left take as long as those before; None until any are done."""
    begun = [row.started_at for row in rows if row.started_at is not None and not row.was_there]
    whole = sum(row.bytes for row in rows)
    done = sum(row.bytes * _share(job, row) for row in rows)
    if not begun or not done:
        return None
    return round(float((now - min(begun)) * (whole - done) / done), 1)


def _share(job: Row[Any], row: Row[Any]) -> float:
    if _stage(job, row) not in UNFINISHED:
        return 1.0
    return row.done / row.total if row.total else 0.0
