"""What is sent for each method, and how its answer is read; both clients share it."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Literal, TypedDict, TypeVar
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter

from llmops_client.models import (
    Answer,
    BatchAccepted,
    BatchResults,
    DocumentInfo,
    DocumentList,
    DocumentPage,
    Feedback,
    Info,
    Interrupt,
    JobInfo,
    SearchResponse,
    TextDocument,
    Thread,
    ThreadPage,
    UploadResponse,
)

AgentChoice = Literal["auto", "qa", "research", "summarize"]
File = Path | tuple[str, bytes]
T = TypeVar("T")
ModelT = TypeVar("ModelT", bound=BaseModel)

_AT_A_TIME = 100


def headers(api_key: str | None, others: Mapping[str, str] | None) -> dict[str, str]:
    """What is sent with every request."""
    return ({} if api_key is None else {"authorization": f"Bearer {api_key}"}) | dict(others or {})


class Scope(TypedDict, total=False):
    """Where and how to look; what is left out is the service's to choose."""

    collection: str
    document_ids: list[str]
    agent: AgentChoice
    mode: Literal["auto", "demo"]


class AskOptions(Scope, total=False):
    thread_id: str
    top_k: int


class BatchOptions(Scope, total=False):
    top_k: int


class StreamOptions(Scope, total=False):
    thread_id: str
    approve_plan: bool


class DocumentOptions(TypedDict, total=False):
    """Of which documents; all of them without any."""

    collection: str
    status: str
    name: str


class SearchOptions(TypedDict, total=False):
    k: int
    collection: str
    document_ids: list[str]
    filter: dict[str, Any]


@dataclass(frozen=True)
class Call(Generic[T]):
    method: str
    path: str
    read: Callable[[bytes], T]
    options: dict[str, Any] = field(default_factory=dict)


def _call(method: str, path: str, answer: type[ModelT], **options: Any) -> Call[ModelT]:
    return Call(method, path, answer.model_validate_json, options)


def _one(kind: str, name: str) -> str:
    return f"/{kind}/{quote(name, safe='')}"


def _nothing(_: bytes) -> None:
    return None


def info() -> Call[Info]:
    return _call("GET", "/info", Info)


def ask(question: str, options: Mapping[str, object]) -> Call[Answer]:
    return _call("POST", "/ask", Answer, json={"question": question, **options})


_PLAN: TypeAdapter[Answer | Interrupt] = TypeAdapter(Answer | Interrupt)


def plan(question: str, options: Mapping[str, object]) -> Call[Answer | Interrupt]:
    body = {"question": question, **options, "approve_plan": True}
    return Call("POST", "/ask", _PLAN.validate_json, {"json": body})


def resume(thread_id: str, sub_questions: Sequence[str] | None) -> Call[Answer]:
    return _call("POST", f"{_one('threads', thread_id)}/resume", Answer, json=_resumed(sub_questions))


def stream(question: str, options: Mapping[str, object]) -> dict[str, object]:
    """The body of `/agent/stream`: the thread is named in its configuration."""
    settings = {name: options[name] for name in ("thread_id", "approve_plan") if name in options}
    asked = {name: value for name, value in options.items() if name not in settings}
    return {"input": {"question": question, **asked}, "config": {"configurable": settings}}


def stream_resume(thread_id: str, sub_questions: Sequence[str] | None) -> dict[str, object]:
    return {
        "input": {"resume": _resumed(sub_questions)},
        "config": {"configurable": {"thread_id": thread_id}},
    }


def _resumed(sub_questions: Sequence[str] | None) -> dict[str, object]:
    # `null` and no field mean the same, but LangServe's form sends an empty object for "no resume at all".
    return {"sub_questions": None if sub_questions is None else list(sub_questions)}


def upload(
    files: Sequence[File], collection: str | None, metadata: Mapping[str, object] | None, key: str | None
) -> Call[UploadResponse]:
    read = [(file.name, file.read_bytes()) if isinstance(file, Path) else file for file in files]
    form: dict[str, str] = {}
    if collection is not None:
        form["collection"] = collection
    if metadata is not None:
        form["metadata"] = json.dumps(dict(metadata))
    options: dict[str, Any] = {"files": [("files", file) for file in read], "data": form}
    if key is not None:
        options["headers"] = {"Idempotency-Key": key}
    return _call("POST", "/upload", UploadResponse, **options)


def index(documents: Sequence[TextDocument], collection: str | None) -> Call[DocumentList]:
    body = {"documents": [document.model_dump(mode="json") for document in documents]}
    return _call("POST", "/index", DocumentList, json=body | {"collection": collection})


def search(query: str, options: Mapping[str, object]) -> Call[SearchResponse]:
    return _call("POST", "/search", SearchResponse, json={"query": query, **options})


def documents(options: Mapping[str, object], offset: int) -> Call[DocumentPage]:
    params = {**options, "limit": _AT_A_TIME, "offset": offset}
    return _call("GET", "/documents", DocumentPage, params=params)


def document(document_id: str) -> Call[DocumentInfo]:
    return _call("GET", _one("documents", document_id), DocumentInfo)


def document_text(document_id: str) -> Call[str]:
    return Call("GET", f"{_one('documents', document_id)}/text", bytes.decode)


def reindex(document_id: str) -> Call[UploadResponse]:
    return _call("POST", f"{_one('documents', document_id)}/reindex", UploadResponse)


def delete_document(document_id: str) -> Call[None]:
    return Call("DELETE", _one("documents", document_id), _nothing)


def job(job_id: str) -> Call[JobInfo]:
    return _call("GET", _one("jobs", job_id), JobInfo)


def cancel_job(job_id: str) -> Call[JobInfo]:
    return _call("DELETE", _one("jobs", job_id), JobInfo)


def job_events(job_id: str) -> str:
    return f"{_one('jobs', job_id)}/events"


def batch(questions: Sequence[str], options: Mapping[str, object]) -> Call[BatchAccepted]:
    return _call("POST", "/ask/batch", BatchAccepted, json={"questions": list(questions), **options})


def batch_results(job_id: str) -> Call[BatchResults]:
    return _call("GET", f"{_one('jobs', job_id)}/results", BatchResults)


def threads(query: str | None, offset: int) -> Call[ThreadPage]:
    params = {"limit": _AT_A_TIME, "offset": offset} | ({} if query is None else {"q": query})
    return _call("GET", "/threads", ThreadPage, params=params)


def thread(thread_id: str) -> Call[Thread]:
    return _call("GET", _one("threads", thread_id), Thread)


def give_feedback(run_id: str, score: int, comment: str | None) -> Call[Feedback]:
    return _call("POST", "/feedback", Feedback, json={"run_id": run_id, "score": score, "comment": comment})


def withdraw_feedback(run_id: str) -> Call[None]:
    return Call("DELETE", _one("feedback", run_id), _nothing)


def delete_thread(thread_id: str) -> Call[None]:
    return Call("DELETE", _one("threads", thread_id), _nothing)
