"""Work in the background."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.schemas.base import Wire
from app.schemas.documents import DocumentInfo

JobStage = Literal["queued", "parsing", "embedding", "answering", "finished"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]


class JobProgress(Wire):
    """`done` of `total` units; a job of one document counts its chunks as soon as their number is known."""

    done: int
    total: int
    stage: JobStage
    unit: Literal["documents", "chunks", "questions"]


class JobInfo(Wire):
    """A job as it stands: `failed` when no document arrived, `done` when any did; `documents` tell of each.

    A batch of questions has no documents; `/jobs/{job_id}/results` tells of each question.
    """

    job_id: str
    state: JobState
    status: JobState = Field(description="The same as `state`, by the name that documents have for it")
    progress: JobProgress
    eta_s: float | None = Field(default=None, description="Seconds that are probably left")
    documents: list[DocumentInfo] = Field(description="Those that were not deleted since")
    created_at: datetime


class JobList(Wire):
    jobs: list[JobInfo]


class UploadResponse(Wire):
    job_id: str
    documents: list[DocumentInfo]
