"""How far a batch of questions is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, Row, func, select

from app.knowledge.tables import batch_items
from app.schemas import JobInfo, JobProgress, JobStage, JobState


def as_batch_job(connection: Connection, job: Row[Any], now: float) -> JobInfo:
    """A job of questions as it stands at `now`, in seconds since 1970."""
    statement = (
        select(batch_items.c.state, func.count(), func.min(batch_items.c.started_at))
        .where(batch_items.c.job_id == job.job_id)
        .group_by(batch_items.c.state)
    )
    rows = connection.execute(statement).all()
    counts: dict[str, int] = {state: count for state, count, _ in rows}
    begun = [started for _, _, started in rows if started is not None]
    state = _state(counts)
    stages: dict[JobState, JobStage] = {"queued": "queued", "running": "answering"}
    total = sum(counts.values())
    done = total - counts.get("queued", 0) - counts.get("running", 0)
    return JobInfo(
        job_id=job.job_id,
        state=state,
        status=state,
        progress=JobProgress(
            done=done,
            total=total,
            stage=stages.get(state, "finished"),
            unit="questions",
        ),
        eta_s=round((now - min(begun)) * (total - done) / done, 1)
        if begun and done < total and done
        else None,
        documents=[],
        created_at=job.created_at,
    )


def _state(counts: Mapping[str, int]) -> JobState:
    if set(counts) == {"queued"}:
        return "queued"
    if counts.keys() & {"queued", "running"}:
        return "running"
    if "cancelled" in counts:
        return "cancelled"
    return "done" if "done" in counts else "failed"
