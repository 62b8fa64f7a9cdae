"""A stand-in for the service with scripted answers, speaking HTTP and LangServe's own stream format."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Annotated, Any

import uvicorn
from fastapi import Depends, FastAPI, Form, Request, UploadFile
from fastapi.responses import JSONResponse
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.utils import ConfigurableFieldSpec
from langserve import add_routes

from app.principal import SCOPES, Scope
from app.schemas import (
    AgentInfo,
    Answer,
    CallerInfo,
    Citation,
    DocumentInfo,
    DocumentList,
    Info,
    Mode,
    UploadResponse,
    WaitingPlan,
)
from tests.ui.fake_library import FakeLibrary, Refusal, add_library_routes
from tests.ui.fake_threads import add_feedback_routes, add_thread_routes

Event = dict[str, Any]
QUOTE = "After probation the notice period is two months, to the end of a month."


def make_answer(**changes: Any) -> Answer:
    citation = Citation(
        marker=1,
        document_id="d1",
        document_name="handbook.md",
        chunk_id="c1",
        page=3,
        char_start=10,
        char_end=10 + len(QUOTE),
        quote=QUOTE,
        score=0.82,
        verified=True,
    )
    values: dict[str, Any] = {
        "answer": "Two months after probation [1].",
        "citations": [citation],
        "agent": "qa",
        "mode": "demo",
        "model": "demo:extractive",
        "thread_id": "t1",
        "run_id": "r1",
        "timings_ms": {"total": 1234.0},
    }
    return Answer(**(values | changes))


def script(answer: Answer, *, reason: str = "It asks for one fact.") -> list[Event]:
    """The events of a run that ends in this answer."""
    words = answer.answer.split(" ")
    return [
        {"type": "run", "content": "", "run_id": answer.run_id, "thread_id": answer.thread_id},
        {"type": "route", "content": "", "agent": answer.agent, "reason": reason},
        {"type": "status", "content": "Searching the documents"},
        *(
            {"type": "token", "content": word if index == 0 else f" {word}"}
            for index, word in enumerate(words)
        ),
        *({"type": "citation", "content": "", **citation.model_dump()} for citation in answer.citations),
        final(answer),
    ]


def final(answer: Answer) -> Event:
    # A field that today's clients do not know must not disturb them.
    return {"type": "final", "content": answer.answer, **answer.model_dump(mode="json"), "invented_later": 1}


def make_document(name: str, *, document_id: str = "d1", **changes: Any) -> DocumentInfo:
    values: dict[str, Any] = {
        "document_id": document_id,
        "name": name,
        "collection": "default",
        "media_type": "text/plain",
        "bytes": 4_200,
        "sha256": "0" * 64,
        "chunks": 3,
        "status": "indexed",
        "created_at": "2026-02-01T12:00:00Z",
    }
    return DocumentInfo(**(values | changes))


@dataclass
class FakeService:
    """What the service would answer; tests set the fields, and read `asked`, `closed` and `deleted`."""

    mode: Mode = "demo"
    documents: list[DocumentInfo] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    turns: dict[str, list[Event]] = field(default_factory=dict)
    uploads: dict[str, DocumentInfo | Refusal] = field(default_factory=dict)
    rereadings: dict[str, DocumentInfo | Refusal] = field(default_factory=dict)
    refuse_run: Refusal | None = None
    wanted_key: str | None = None
    scopes: list[Scope] = field(default_factory=lambda: list(SCOPES))
    refuse_fork: Refusal | None = None
    event_delay_s: float = 0.0
    asked: list[tuple[Event, str]] = field(default_factory=list)
    plans_to_approve: list[str] = field(default_factory=list)
    waiting: dict[str, WaitingPlan] = field(default_factory=dict)
    forked: list[tuple[str, int]] = field(default_factory=list)
    titles: dict[str, str] = field(default_factory=dict)
    deleted: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)
    library: FakeLibrary = field(default_factory=FakeLibrary)
    url: str = ""

    def info(self) -> Info:
        return Info(
            version="9.9",
            agents=[
                AgentInfo(name=name, description=f"Does {name}") for name in ("qa", "research", "summarize")
            ],
            mode=self.mode,
            chat_model="openai:gpt-4o" if self.mode == "llm" else None,
            embedding_model="embedded:all-MiniLM-L6-v2",
            limits={"max_upload_mb": 100, "max_question_chars": 8_000},
            media_types=["application/pdf", "text/html", "text/plain"],
            extensions=[".html", ".md", ".pdf", ".txt"],
            caller=CallerInfo(tenant="default", scopes=self.scopes),
        )

    async def run(self, question: Event, thread_id: str, approve_plan: bool) -> AsyncIterator[Event]:
        self.asked.append((question, thread_id))
        if approve_plan:
            self.plans_to_approve.append(thread_id)
        try:
            for event in self.events:
                await asyncio.sleep(self.event_delay_s)
                if "run_id" in event:
                    event = {**event, "run_id": f"r{len(self.asked)}"}  # noqa: PLW2901
                if event["type"] == "interrupt":
                    self.waiting[thread_id] = WaitingPlan(
                        thread_id=thread_id,
                        question=question["question"],
                        sub_questions=event["value"]["sub_questions"],
                    )
                if event["type"] == "final":
                    self.waiting.pop(thread_id, None)
                    self.turns.setdefault(thread_id, []).append(
                        {"question": question.get("question", "resumed"), "answer": event}
                    )
                yield event
        finally:
            self.closed.append(question.get("question", "resumed"))


class _Agent(Runnable[Event, Event]):
    InputType = Event
    OutputType = Event

    def __init__(self, service: FakeService) -> None:
        self._service = service

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        return [
            ConfigurableFieldSpec(id="thread_id", annotation=str),
            ConfigurableFieldSpec(id="approve_plan", annotation=bool),
        ]

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:  # noqa: A002
        raise NotImplementedError

    async def astream(
        self,
        input: Any,  # noqa: A002  # LangChain's name
        config: RunnableConfig | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[Event]:
        chosen = (config or {}).get("configurable", {})
        approve_plan = bool(chosen.get("approve_plan"))
        async for event in self._service.run(input, chosen.get("thread_id", ""), approve_plan):
            yield event


def build_app(service: FakeService) -> FastAPI:
    app = FastAPI()

    @app.middleware("http")
    async def want_key(request: Request, answer: Any) -> Any:
        sent = request.headers.get("authorization")
        if service.wanted_key is None or sent == f"Bearer {service.wanted_key}":
            return await answer(request)
        problem = Refusal(401, "unauthenticated", "This key is not known").problem
        return JSONResponse(problem.model_dump(), status_code=401, media_type="application/problem+json")

    _add_document_routes(app, service)
    _add_plan_routes(app, service)
    add_thread_routes(app, service)
    add_feedback_routes(app, service)
    add_library_routes(app, service)

    @app.exception_handler(Refusal)
    async def show_problem(_: Request, refusal: Refusal) -> JSONResponse:
        problem = refusal.problem
        return JSONResponse(
            problem.model_dump(), status_code=problem.status, media_type="application/problem+json"
        )

    @app.get("/info")
    async def info() -> Info:
        return service.info()

    async def refuse_run() -> None:
        if service.refuse_run:
            raise service.refuse_run

    add_routes(app, _Agent(service), path="/agent", dependencies=[Depends(refuse_run)])
    return app


def _add_plan_routes(app: FastAPI, service: FakeService) -> None:
    @app.get("/threads/{thread_id}/plan")
    async def plan(thread_id: str) -> WaitingPlan:
        if thread_id not in service.waiting:
            raise Refusal(404, "no_waiting_plan", "No plan waits")
        return service.waiting[thread_id]

    @app.delete("/threads/{thread_id}/plan", status_code=204)
    async def discard_plan(thread_id: str) -> None:
        await plan(thread_id)
        del service.waiting[thread_id]


def _add_document_routes(app: FastAPI, service: FakeService) -> None:
    @app.delete("/documents/{document_id}", status_code=204)
    async def delete(document_id: str) -> None:
        service.deleted.append(document_id)
        service.documents = [known for known in service.documents if known.document_id != document_id]

    @app.post("/documents/{document_id}/reindex", status_code=202)
    async def reindex(document_id: str) -> UploadResponse:
        outcome = service.rereadings[document_id]
        if isinstance(outcome, Refusal):
            raise outcome
        service.documents = [
            outcome if known.document_id == document_id else known for known in service.documents
        ]
        return service.library.open_job([outcome], None)

    @app.post("/upload", status_code=202, response_model=None)
    async def upload(
        files: list[UploadFile], wait: bool = False, collection: Annotated[str | None, Form()] = None
    ) -> DocumentList | UploadResponse:
        added: list[DocumentInfo] = []
        for file in files:
            outcome = service.uploads[str(file.filename)]
            if isinstance(outcome, Refusal):
                raise outcome
            added.append(outcome)
        service.documents += added
        if wait:
            return DocumentList(documents=added)
        return service.library.open_job(added, collection)


@contextmanager
def serving(app: FastAPI, *, port: int = 0) -> Iterator[str]:
    """Serve on the loopback interface, on a free port unless one is named; gives the address."""
    server = uvicorn.Server(uvicorn.Config(app, port=port, log_config=None, lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    try:
        while not server.started:
            assert thread.is_alive(), "the fake service did not start"
            time.sleep(0.01)
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(timeout=10)
