"""Many questions at once."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from app.schemas.answers import Answer
from app.schemas.base import CollectionName, DocumentIds, ModeChoice, Wire
from app.schemas.documents import ProblemInfo
from app.schemas.operations import Problem

BatchItemState = Literal["queued", "running", "done", "failed", "cancelled"]


class BatchDefaults(Wire):
    """What holds for each question that does not say otherwise."""

    collection: CollectionName | None = None
    agent: str = "auto"
    mode: ModeChoice = "auto"
    top_k: int | None = Field(default=None, ge=1, le=50)
    document_ids: DocumentIds = None


class BatchQuestion(BatchDefaults):
    question: str


class BatchRequest(BatchDefaults):
    questions: list[Any] = Field(
        min_length=1,
        description="Each a text, or an object with `question` and any of the other fields",
        examples=[["What is the notice period?", {"question": "Summarise the lease", "agent": "summarize"}]],
    )


class BatchResult(Wire):
    """A question and what became of it; `number` counts from 1."""

    number: int
    question: str
    state: BatchItemState
    answer: Answer | None = None
    problem: ProblemInfo | None = None


class BatchResults(Wire):
    job_id: str
    results: list[BatchResult]


class BatchAccepted(Wire):
    job_id: str


class BatchAnswers(Wire):
    """In the order of the questions, a problem in the place of each answer that could not be given."""

    job_id: str
    answers: list[Answer | Problem]
