"""The agents as graphs for `langgraph dev`, LangGraph Studio and the LangGraph SDK: what `langgraph.json` names.

The platform keeps the conversations and hands them in; every run goes to the one `Runner`, with its limits and errors.
The service lives in a thread with an event loop of its own: the platform runs graphs in several loops, and forbids in
them what opening a knowledge base does.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import Future
from contextlib import aclosing
from dataclasses import dataclass
from typing import Annotated, Any, NotRequired

from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from app.chains.records import Turn
from app.errors import InvalidRequest
from app.runs import Event, Runner, RunRequest
from app.schemas import AgentChoice, Answer, ModeChoice
from app.settings import load_settings
from app.state import TurnRecord, keep_recent

Graph = CompiledStateGraph[Any, Any, Any, Any]


class Question(TypedDict):
    """Input of every graph."""

    question: str
    collection: NotRequired[str | None]
    agent: NotRequired[AgentChoice]
    mode: NotRequired[ModeChoice]
    document_ids: NotRequired[list[str] | None]


class Conversation(Question):
    """`answer` is an Answer as JSON; `turns` is what a follow-up needs."""

    answer: dict[str, Any]
    turns: Annotated[list[TurnRecord], keep_recent]


def agent() -> Graph:
    """The router, which chooses among the others."""
    return _build("auto")


def qa() -> Graph:
    return _build("qa")


def research() -> Graph:
    return _build("research")


def summarize() -> Graph:
    return _build("summarize")


def _build(name: AgentChoice) -> Graph:
    async def answer(state: Conversation) -> dict[str, Any]:
        write = get_stream_writer()
        async with aclosing(_service.events(_as_run(state, name))) as events:
            async for event in events:
                write(event)
                if event["type"] == "final":
                    given = Answer.model_validate({key: event[key] for key in Answer.model_fields})
        complete = given.model_dump(mode="json")
        return {"answer": complete, "turns": [{"question": _question(state), "answer": complete}]}

    graph = StateGraph(Conversation, input_schema=Question)
    graph.add_node("answer", answer)
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    return graph.compile(name="agent" if name == "auto" else name)


def _as_run(state: Conversation, name: AgentChoice) -> RunRequest:
    turns = state.get("turns") or []
    return RunRequest(
        question=_question(state),
        agent=state.get("agent") or "auto" if name == "auto" else name,
        collection=state.get("collection"),
        mode=state.get("mode") or "auto",
        document_ids=state.get("document_ids"),
        history=tuple(Turn(question=turn["question"], answer=turn["answer"]["answer"]) for turn in turns),
    )


def _question(state: Conversation) -> str:
    """The platform hands in what its caller sent, whatever that is."""
    question = state.get("question")
    if not isinstance(question, str):
        raise InvalidRequest("question: must be a text")
    return question


class _Service:
    """Opens with the first run, and ends with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._opened: Future[_Opened] | None = None

    async def events(self, request: RunRequest) -> AsyncGenerator[Event, None]:
        """The events of a run; closing the iterator stops it.

        Raises:
            LlmopsError: as `Runner.stream` does.
        """
        queue: asyncio.Queue[Event | BaseException | None] = asyncio.Queue()
        here = asyncio.get_running_loop()

        def put(item: Event | BaseException | None) -> None:
            here.call_soon_threadsafe(queue.put_nowait, item)

        opened = await asyncio.to_thread(self._open)
        running = asyncio.run_coroutine_threadsafe(_run(opened.runner, request, put), opened.loop)
        try:
            while (item := await queue.get()) is not None:
                if isinstance(item, BaseException):
                    raise item
                yield item
        finally:
            running.cancel()

    def _open(self) -> _Opened:
        """Wait until the service is open; one that could not be opened is tried again by the next run."""
        with self._lock:
            if self._opened is None or self._opened.exception() is not None:
                self._opened = Future()
                serve = threading.Thread(
                    target=lambda opened: asyncio.run(_serve(opened)), args=(self._opened,), daemon=True
                )
                serve.start()
            return self._opened.result()


@dataclass(frozen=True, slots=True)
class _Opened:
    runner: Runner
    loop: asyncio.AbstractEventLoop


async def _serve(opened: Future[_Opened]) -> None:
    """Keep the service open until the process ends."""
    from server import open_services

    try:
        async with open_services(load_settings()) as services:
            opened.set_result(_Opened(services.runner, asyncio.get_running_loop()))
            await asyncio.Event().wait()
    except Exception as error:  # noqa: BLE001  # handed to those who wait for it
        opened.set_exception(error)


async def _run(
    runner: Runner, request: RunRequest, put: Callable[[Event | BaseException | None], None]
) -> None:
    try:
        async with aclosing(runner.stream(request)) as events:
            async for event in events:
                put(event)
    except Exception as error:  # noqa: BLE001  # handed to the caller, who raises it
        put(error)
    else:
        put(None)


_service = _Service()
