"""A client of the service for programs: typed answers, events, jobs and errors. It needs httpx and pydantic only.

    with Llmops("http://127.0.0.1:8000") as service:
        print(service.ask("What is the notice period?").answer)

`AsyncLlmops` has the same methods for asyncio.
"""

from __future__ import annotations

from llmops_client.async_client import AsyncLlmops
from llmops_client.client import Llmops
from llmops_client.errors import BrokenStream, LlmopsError, ServiceUnreachable, TimedOut
from llmops_client.events import (
    CitationEvent,
    Event,
    FinalEvent,
    OtherEvent,
    RouteEvent,
    RunEvent,
    StatusEvent,
    TokenEvent,
)
from llmops_client.models import (
    Answer,
    BatchAccepted,
    BatchResult,
    BatchResults,
    Citation,
    Coverage,
    DocumentInfo,
    DocumentList,
    DocumentPage,
    ExtractionInfo,
    Feedback,
    Info,
    Interrupt,
    JobInfo,
    JobProgress,
    PassageInfo,
    PlanValue,
    ProblemInfo,
    SearchResponse,
    SearchResult,
    TextDocument,
    Thread,
    ThreadInfo,
    ThreadPage,
    Turn,
    UploadResponse,
    Usage,
)

__all__ = [
    "Answer",
    "AsyncLlmops",
    "BatchAccepted",
    "BatchResult",
    "BatchResults",
    "BrokenStream",
    "Citation",
    "CitationEvent",
    "Coverage",
    "DocumentInfo",
    "DocumentList",
    "DocumentPage",
    "Event",
    "ExtractionInfo",
    "Feedback",
    "FinalEvent",
    "Info",
    "Interrupt",
    "JobInfo",
    "JobProgress",
    "Llmops",
    "LlmopsError",
    "OtherEvent",
    "PassageInfo",
    "PlanValue",
    "ProblemInfo",
    "RouteEvent",
    "RunEvent",
    "SearchResponse",
    "SearchResult",
    "ServiceUnreachable",
    "StatusEvent",
    "TextDocument",
    "Thread",
    "ThreadInfo",
    "ThreadPage",
    "TimedOut",
    "TokenEvent",
    "Turn",
    "UploadResponse",
    "Usage",
]
