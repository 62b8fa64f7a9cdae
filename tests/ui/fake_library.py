"""The part of the stand-in that knows documents, collections, jobs and how the service is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Any, Protocol

from fastapi import FastAPI, Query, Request, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from sse_starlette import EventSourceResponse, ServerSentEvent

from app.schemas import (
    BatchAccepted,
    BatchResult,
    CollectionInfo,
    CollectionList,
    CollectionSettings,
    DocumentInfo,
    DocumentList,
    DocumentPage,
    DocumentStatus,
    Evaluation,
    EvaluationInfo,
    EvaluationList,
    Health,
    IndexRequest,
    JobInfo,
    JobList,
    JobProgress,
    NewCollection,
    Problem,
    Stats,
    UploadResponse,
)

MOMENT = datetime(2026, 2, 1, 12, tzinfo=UTC)


class Refusal(Exception):
    def __init__(self, status: int, code: str, detail: str) -> None:
        self.problem = Problem(
            type="about:blank", title=code, status=status, detail=detail, code=code, request_id="q1"
        )


def make_job(job_id: str, *documents: DocumentInfo, **changes: Any) -> JobInfo:
    state = changes.pop("state", "done")
    progress: dict[str, Any] = {"done": 1, "total": 1, "stage": "finished", "unit": "documents"}
    progress |= changes.pop("progress", {})
    return JobInfo(
        job_id=job_id,
        state=state,
        status=state,
        progress=JobProgress(**progress),
        documents=list(documents),
        created_at=MOMENT,
        **changes,
    )


@dataclass
class FakeLibrary:
    """Tests set what is to be answered, and read what was done."""

    collections: list[str] = field(default_factory=lambda: ["default"])
    jobs: list[JobInfo] = field(default_factory=list)
    events: dict[str, list[JobInfo]] = field(default_factory=dict)
    results: list[BatchResult] = field(default_factory=list)
    health: Health = field(
        default_factory=lambda: Health(status="ok", version="9.9", mode="demo", checks={"store": "ok"})
    )
    asked: list[dict[str, Any]] = field(default_factory=list)
    submitted: list[tuple[list[str], str | None]] = field(default_factory=list)
    texts: list[IndexRequest] = field(default_factory=list)
    batches: list[tuple[bytes, str]] = field(default_factory=list)
    evaluations: list[Evaluation] = field(default_factory=list)
    refuse_batch: Refusal | None = None
    cancelled: list[str] = field(default_factory=list)
    resumed: list[str] = field(default_factory=list)

    def open_job(self, documents: Sequence[DocumentInfo], collection: str | None) -> UploadResponse:
        states: set[str] = {
            document.reindexing.status if document.reindexing else document.status for document in documents
        }
        state = "failed" if states == {"failed"} else "done" if states <= {"indexed", "failed"} else "running"
        job = make_job(f"j{len(self.jobs) + 1}", *documents, state=state)
        self.jobs.insert(0, job)
        self.submitted.append(([document.name for document in documents], collection))
        return UploadResponse(job_id=job.job_id, documents=list(documents))

    def find_job(self, job_id: str) -> JobInfo:
        for job in self.jobs:
            if job.job_id == job_id:
                return job
        raise Refusal(404, "unknown_job", f"There is no job {job_id!r}")

    def cancel_job(self, job_id: str) -> JobInfo:
        cancelled = self.find_job(job_id).model_copy(update={"state": "cancelled"})
        self.cancelled.append(job_id)
        self.jobs = [cancelled if job.job_id == job_id else job for job in self.jobs]
        return cancelled


async def _send(states: Sequence[JobInfo]) -> AsyncIterator[ServerSentEvent]:
    for state in states:
        yield ServerSentEvent(state.model_dump_json(), event="job")
    if states[-1].state == "running":
        await asyncio.sleep(3)  # longer than anybody is patient


class _Service(Protocol):
    documents: list[DocumentInfo]
    library: FakeLibrary


def add_library_routes(app: FastAPI, service: _Service) -> None:
    _add_documents(app, service)
    _add_collections(app, service)
    _add_jobs(app, service)
    _add_batches(app, service)
    _add_evaluations(app, service)
    _add_state(app, service)


def _add_documents(app: FastAPI, service: _Service) -> None:
    @app.get("/documents")
    async def documents(
        collection: str | None = None,
        status: Annotated[list[DocumentStatus] | None, Query()] = None,
        name: str = "",
        limit: int = 100,
        offset: int = 0,
    ) -> DocumentPage:
        service.library.asked.append({"collection": collection, "status": status, "name": name})
        found = [
            document
            for document in service.documents
            if name in document.name
            and (not status or document.status in status)
            and collection in (None, document.collection)
        ]
        return DocumentPage(documents=found[offset : offset + limit], total=len(found), next_offset=None)

    @app.get("/documents/{document_id}/file")
    async def original(document_id: str) -> Response:
        return Response(f"the original of {document_id}".encode())

    @app.post("/index")
    async def index(body: IndexRequest) -> DocumentList:
        service.library.texts.append(body)
        return DocumentList(documents=service.documents[:1])


def _add_collections(app: FastAPI, service: _Service) -> None:
    def info(name: str) -> CollectionInfo:
        number = sum(document.collection == name for document in service.documents)
        settings = CollectionSettings()
        return CollectionInfo(
            name=name, documents=number, chunks=number, bytes=0, created_at=None, settings=settings
        )

    @app.get("/collections")
    async def collections() -> CollectionList:
        return CollectionList(collections=[info(name) for name in service.library.collections])

    @app.post("/collections", status_code=201)
    async def create(body: NewCollection) -> CollectionInfo:
        if body.name in service.library.collections:
            raise Refusal(409, "collection_exists", f"There is a collection {body.name!r} already")
        service.library.collections.append(body.name)
        return info(body.name)

    @app.delete("/collections/{name}", status_code=204)
    async def delete(name: str) -> None:
        service.library.collections.remove(name)


def _add_jobs(app: FastAPI, service: _Service) -> None:
    @app.get("/jobs")
    async def jobs(limit: int) -> JobList:
        return JobList(jobs=service.library.jobs[:limit])

    @app.get("/jobs/{job_id}")
    async def job(job_id: str) -> JobInfo:
        return service.library.find_job(job_id)

    @app.get("/jobs/{job_id}/events")
    async def events(job_id: str) -> EventSourceResponse:
        states = service.library.events.get(job_id, [service.library.find_job(job_id)])

        return EventSourceResponse(_send(states))

    @app.delete("/jobs/{job_id}")
    async def cancel(job_id: str) -> JobInfo:
        return service.library.cancel_job(job_id)

    @app.post("/jobs/{job_id}/resume")
    async def resume(job_id: str) -> JobInfo:
        service.library.resumed.append(job_id)
        return service.library.find_job(job_id)


def _add_batches(app: FastAPI, service: _Service) -> None:
    @app.post("/ask/batch", status_code=202)
    async def ask_batch(request: Request) -> BatchAccepted:
        if service.library.refuse_batch:
            raise service.library.refuse_batch
        service.library.batches.append((await request.body(), request.headers["content-type"]))
        progress = {"unit": "questions", "total": len(service.library.results)}
        service.library.jobs.insert(0, make_job("b1", progress=progress))
        return BatchAccepted(job_id="b1")

    @app.get("/jobs/{job_id}/results")
    async def results(job_id: str, format: str = "json") -> Response:  # noqa: A002  # the name on the wire
        return PlainTextResponse(
            "".join(f"{result.model_dump_json()}\n" for result in service.library.results)
        )


def _add_evaluations(app: FastAPI, service: _Service) -> None:
    @app.get("/evaluations")
    async def evaluations(limit: int) -> EvaluationList:
        kept = service.library.evaluations[:limit]
        named = set(EvaluationInfo.model_fields)
        return EvaluationList(evaluations=[EvaluationInfo(**one.model_dump(include=named)) for one in kept])

    @app.get("/evaluations/{name}")
    async def evaluation(name: str) -> Evaluation:
        for one in service.library.evaluations:
            if one.name == name:
                return one
        raise Refusal(404, "unknown_evaluation", f"There is no evaluation {name!r}")


def _add_state(app: FastAPI, service: _Service) -> None:
    @app.get("/health")
    async def health() -> JSONResponse:
        state = service.library.health
        return JSONResponse(state.model_dump(), status_code=503 if state.status == "unavailable" else 200)

    @app.get("/stats")
    async def stats() -> Stats:
        return Stats(
            documents=len(service.documents),
            unfinished=sum(job.state == "running" for job in service.library.jobs),
            failed=0,
            chunks=7,
            collections=dict.fromkeys(service.library.collections, 1),
            bytes=4_200,
            embedding_model="embedded:all-MiniLM-L6-v2",
            chat_model=None,
            demo_mode=True,
        )
