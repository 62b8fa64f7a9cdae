"""What the service sends. Fields that a newer service adds are ignored.

A test compares every field with the service's OpenAPI schema, so the names and types here are the service's own.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

AgentName = Literal["qa", "research", "summarize"]
DocumentStatus = Literal["queued", "parsing", "embedding", "indexed", "failed", "cancelled"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
PageRange = tuple[int, int]

UNFINISHED = ("queued", "running")


class Model(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)


class PassageInfo(Model):
    """A chunk that was found; the span counts characters of the document's stored text."""

    document_id: str
    document_name: str
    chunk_id: str
    page: int | None = None
    char_start: int
    char_end: int
    score: float = Field(ge=0, le=1)


class Citation(PassageInfo):
    """Where a statement of the answer stands: `[1]` in the answer refers to `marker` 1."""

    marker: int = Field(ge=1)
    quote: str
    verified: bool
    flags: list[str] = []


class Coverage(Model):
    documents: int
    chunks: int
    chunks_read: int
    pages: int
    pages_read: int


class Usage(Model):
    input_tokens: int = 0
    output_tokens: int = 0


class Answer(Model):
    answer: str
    citations: list[Citation] = []
    agent: AgentName
    route_reason: str = ""
    mode: Literal["llm", "demo"]
    model: str
    refused: bool = False
    degraded: list[str] = []
    nearest: list[PassageInfo] = []
    evidence: list[PassageInfo] = []
    coverage: Coverage | None = None
    suggestions: list[str] = []
    thread_id: str
    run_id: str
    usage: Usage = Usage()
    timings_ms: dict[str, float] = {}


class PlanValue(Model):
    sub_questions: list[str]


class Interrupt(Model):
    """A research that waits until its plan is approved or changed by a resume on its thread."""

    type: Literal["interrupt"] = "interrupt"
    content: str
    thread_id: str
    run_id: str
    id: str
    value: PlanValue


class ProblemInfo(Model):
    code: str
    detail: str


class ExtractionInfo(Model):
    """What a document's text was made from, pages as runs from the first to the last."""

    pages_with_text: list[PageRange] = []
    pages_without_text: list[PageRange] = []
    pages_doubtful: list[PageRange] = []
    guessed: list[str] = []
    dropped: list[str] = []


class ReindexInfo(Model):
    status: Literal["queued", "parsing", "embedding", "failed", "cancelled"]
    error: ProblemInfo | None = None


class DocumentInfo(Model):
    document_id: str
    name: str
    collection: str
    media_type: str
    bytes: int
    sha256: str
    pages: int | None = None
    pages_without_text: int | None = None
    chunks: int = 0
    keywords: list[str] = []
    status: DocumentStatus
    error: ProblemInfo | None = None
    duplicate: bool = False
    warnings: list[str] = []
    extraction: ExtractionInfo | None = None
    reindexing: ReindexInfo | None = None
    created_at: datetime


class DocumentList(Model):
    documents: list[DocumentInfo]


class DocumentPage(DocumentList):
    total: int
    next_offset: int | None


class TextDocument(Model):
    """A text to index."""

    text: str
    name: str | None = None
    metadata: dict[str, Any] = {}


class SearchResult(Model):
    chunk_id: str
    document_id: str
    document_name: str
    page: int | None = None
    char_start: int
    char_end: int
    text: str
    score: float = Field(ge=0, le=1)


class SearchResponse(Model):
    results: list[SearchResult]
    degraded: list[str] = []


class JobProgress(Model):
    done: int
    total: int
    stage: Literal["queued", "parsing", "embedding", "answering", "finished"]
    unit: Literal["documents", "chunks", "questions"]


class JobInfo(Model):
    job_id: str
    state: JobState
    status: JobState
    progress: JobProgress
    eta_s: float | None = None
    documents: list[DocumentInfo]
    created_at: datetime


class UploadResponse(Model):
    job_id: str
    documents: list[DocumentInfo]


class Feedback(Model):
    """What was said of an answer last: 1 when it helped, -1 when it did not."""

    run_id: str
    score: Literal[-1, 1]
    comment: str | None
    given_at: datetime


class Turn(Model):
    question: str
    answer: Answer
    feedback: Feedback | None = None


class ThreadInfo(Model):
    thread_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    turn_count: int
    waits: bool = False


class Thread(Model):
    thread_id: str
    title: str
    created_at: datetime
    updated_at: datetime
    turn_count: int
    waits: bool = False
    turns: list[Turn]


class ThreadPage(Model):
    threads: list[ThreadInfo]
    total: int
    next_offset: int | None


class BatchAccepted(Model):
    job_id: str


class BatchResult(Model):
    """A question of a batch and what became of it; `number` counts from 1."""

    number: int
    question: str
    state: JobState
    answer: Answer | None = None
    problem: ProblemInfo | None = None


class BatchResults(Model):
    job_id: str
    results: list[BatchResult]


class AgentInfo(Model):
    name: str
    description: str


class CallerInfo(Model):
    tenant: str
    scopes: list[Literal["read", "write", "admin"]]


class Info(Model):
    version: str
    agents: list[AgentInfo]
    mode: Literal["llm", "demo"]
    chat_model: str | None
    embedding_model: str
    limits: dict[str, float]
    media_types: list[str]
    extensions: list[str] = []
    caller: CallerInfo | None = None
