"""One run, from a request to an answer: the single function behind every door of the service.

`Runner.stream` yields the events of the public contract, each with a string `content`; `Runner.run` gives the last one.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, get_args
from uuid import uuid4

from langgraph.graph.state import CompiledStateGraph

from app.chains.records import Turn
from app.errors import InvalidRequest, RunTimeout, UnknownAgent
from app.graph import RESULT
from app.quotas import Places, Quota
from app.run_telling import (
    context_of_run,
    observed_run,
    tell_answer,
    tell_cancelled,
    tell_failure,
    tell_interrupt,
)
from app.schemas import DEFAULT_COLLECTION, IDENTIFIER, AgentChoice, Answer, Interrupt, ModeChoice, Resume
from app.state import RunInput
from app.tenancy import DEFAULT_TENANT, plain_name, stored_name, tenant_of
from app.thread_locks import ThreadLocks
from app.threads import Threads

Event = dict[str, Any]
Graph = CompiledStateGraph[Any, Any, Any, Any]
_END = None
_Queue = asyncio.Queue[Event | Exception | None]
_MAX_WAITING = 256  # events; a run that has more of them waits for its reader
_THREAD_ID = re.compile(IDENTIFIER)


@dataclass(frozen=True, slots=True)
class RunLimits:
    max_question_chars: int
    timeout_s: float
    places: Places
    top_k_for: Callable[[str], int]
    """How many chunks to find in a collection where a request does not say; blocking."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What a caller asks for, whichever door it came through.

    `collection` and `thread_id` are as the tenant knows them. A client that keeps the conversation itself sends it as
    `history`; such a run belongs to no thread and leaves none. With `approve_plan` a research ends with its plan, and
    goes on by `Runner.resumed`, which sets `plan`.
    """

    question: str
    tenant: str = DEFAULT_TENANT
    collection: str | None = None
    thread_id: str | None = None
    agent: str = "auto"
    mode: ModeChoice = "auto"
    top_k: int | None = None
    document_ids: list[str] | None = None
    history: tuple[Turn, ...] | None = None
    approve_plan: bool = False
    plan: tuple[str, ...] = ()
    run_id: str = field(default_factory=lambda: uuid4().hex)


class Runner:
    """Runs requests on the graph, one at a time on each thread.

    `graph` remembers threads; `stateless` is the same graph without a checkpointer, for callers that bring the history.
    """

    def __init__(
        self,
        graph: Graph,
        stateless: Graph,
        limits: RunLimits,
        locks: ThreadLocks,
        threads: Threads,
        tokens: Quota,
    ) -> None:
        self._graph = graph
        self._stateless = stateless
        self._locks = locks
        self._limits = limits
        self._threads = threads
        self._tokens = tokens

    def check(self, request: RunRequest) -> None:
        """Refuse a request that could not run, before anything of an answer is sent.

        Raises:
            InvalidRequest: the question is empty or longer than allowed, or the thread's id is not acceptable.
            UnknownAgent: no agent has this name.
        """
        if not request.question.strip():
            raise InvalidRequest("question: must not be empty")
        if len(request.question) > self._limits.max_question_chars:
            raise InvalidRequest(
                f"question: has {len(request.question)} characters, at most "
                f"{self._limits.max_question_chars} are accepted"
            )
        if request.agent not in get_args(AgentChoice):
            raise UnknownAgent(
                f"There is no agent {request.agent!r}; there are {', '.join(get_args(AgentChoice))}"
            )
        if request.thread_id is not None and not _THREAD_ID.fullmatch(request.thread_id):
            raise InvalidRequest("thread_id: 1 to 128 letters, digits and . _ : - are accepted")
        if request.approve_plan and request.history is not None:
            raise InvalidRequest("approve_plan: needs a thread, on which the research can be resumed")

    async def require_free(self, request: RunRequest) -> None:
        """Raises ThreadBusy: another run is active on the thread."""
        if request.thread_id is not None:
            await self._locks.require_free(stored_name(request.tenant, request.thread_id))

    async def run(self, request: RunRequest) -> Answer:
        """Give the answer to a request that waits for nobody, or raise what kept it from being given."""
        outcome = await self.outcome(request)
        assert isinstance(outcome, Answer)  # noqa: S101  # a request without `approve_plan` is not interrupted
        return outcome

    async def resumed(self, stored_id: str, resume: Resume, run_id: str | None = None) -> RunRequest:
        """The request that goes on with the research that waits on a thread, given by the id that it is stored under.

        Raises:
            NothingToResume: none waits, or another question was asked since.
            InvalidRequest: the thread's id is not acceptable.
        """
        fields, plan = await self._threads.waiting(stored_id)
        chosen = tuple(resume.sub_questions or plan)
        return RunRequest(
            **fields,
            tenant=tenant_of(stored_id),
            thread_id=plain_name(stored_id),
            plan=chosen,
            run_id=run_id or uuid4().hex,
        )

    async def outcome(self, request: RunRequest) -> Answer | Interrupt:
        """Give the answer or what it waits for, or raise what kept it from being given."""
        async with aclosing(self.stream(request, pieces=False)) as events:
            async for event in events:
                if event["type"] == "interrupt":
                    return Interrupt.model_validate(event)
                if event["type"] == "final":
                    return Answer.model_validate({key: event[key] for key in Answer.model_fields})
        raise AssertionError("a run ended with neither an answer nor an error")

    async def stream(self, request: RunRequest, *, pieces: bool = True) -> AsyncGenerator[Event, None]:
        """Yield `run`, `route`, `status`, `citation` and last `final` events, and `token` for each piece of the answer.

        A research whose plan waits for approval ends with `interrupt` instead.

        Closing the generator stops the run, and with it the request to the model. The graph runs in a task of its own:
        cancelling it inside the caller's cancel scope would leave it running (langgraph issue 8302). The fresh context
        keeps LangServe's tracers out of the inner runs.

        Raises:
            LlmopsError: as `check` and `require_free` say, or what went wrong on the way.
        """
        self.check(request)
        thread_id = request.thread_id or uuid4().hex
        await self._tokens.check(request.tenant)
        with self._limits.places.taken(request.tenant):
            async with self._locks.claim(stored_name(request.tenant, thread_id)):
                yield {"type": "run", "content": "", "run_id": request.run_id, "thread_id": thread_id}
                queue: _Queue = asyncio.Queue(_MAX_WAITING)
                work = asyncio.get_running_loop().create_task(
                    self._work(request, thread_id, pieces, queue),
                    context=context_of_run(request.run_id, thread_id, request.tenant),
                )
                try:
                    while (event := await queue.get()) is not _END:
                        if isinstance(event, Exception):
                            raise event
                        yield event
                finally:
                    work.cancel()
                    await asyncio.wait([work])

    async def _work(self, request: RunRequest, thread_id: str, pieces: bool, queue: _Queue) -> None:
        """Put events into the queue, and last what went wrong or the end; a run that is cancelled has no listener."""
        with observed_run():
            try:
                async with asyncio.timeout(self._limits.timeout_s):
                    with self._threads.memory.translated("stored"):
                        known = await asyncio.to_thread(self._input, request, thread_id, pieces)
                        await self._answer(known, request, queue)
            except asyncio.CancelledError:
                tell_cancelled()
                raise
            except TimeoutError:
                await _give_up(RunTimeout(f"No answer within {self._limits.timeout_s:g} s"), queue)
            except Exception as error:  # noqa: BLE001  # handed to the caller, who raises it
                await _give_up(error, queue)
            else:
                await queue.put(_END)

    async def _answer(self, known: RunInput, request: RunRequest, queue: _Queue) -> None:
        answer: Event = {}
        event: Any
        thread_id = stored_name(request.tenant, known["thread_id"])
        if request.thread_id is not None and not request.plan:
            await self._threads.forget_waiting(thread_id)
        graph = self._graph if request.history is None else self._stateless
        async for _, event in graph.astream(
            known,
            {"configurable": {"thread_id": thread_id}},
            stream_mode="custom",
            subgraphs=True,
            durability="exit" if graph.checkpointer else None,
        ):
            if event["type"] == RESULT:
                answer = event["answer"]
            elif event["type"] == "interrupt":
                tell_interrupt()
                plan = event["value"]["sub_questions"]
                await self._threads.wait_for_approval(thread_id, _to_be_resumed(request), plan)
                await queue.put({**event, "thread_id": known["thread_id"], "run_id": request.run_id})
            else:
                await queue.put(event)
        if not answer:
            return
        if request.plan:
            await self._threads.forget_waiting(thread_id)
        for citation in answer["citations"]:
            await queue.put({"type": "citation", "content": "", **citation})
        await queue.put({"type": "final", "content": "", **answer})
        await self._tokens.count(request.tenant, sum(answer["usage"].values()))
        tell_answer(answer)
        if request.thread_id is not None and answer["mode"] == "llm" and not answer["degraded"]:
            self._threads.title_later(thread_id)

    def _input(self, request: RunRequest, thread_id: str, pieces: bool) -> RunInput:
        collection = stored_name(request.tenant, request.collection or DEFAULT_COLLECTION)
        return {
            "run_id": request.run_id,
            "thread_id": thread_id,
            "started": perf_counter(),
            "question": request.question.strip(),
            "collection": collection,
            "agent": request.agent,  # type: ignore[typeddict-item]  # `check` has made sure
            "mode": request.mode,
            "document_ids": request.document_ids,
            "history": request.history or (),
            "streams": pieces,
            "approve_plan": request.approve_plan,
            "plan": request.plan,
            "top_k": request.top_k or self._limits.top_k_for(collection),
        }


def _to_be_resumed(request: RunRequest) -> dict[str, Any]:
    """The fields of a request that a resumed one has as well; whatever was chosen, it is the research that goes on."""
    kept = ("question", "collection", "mode", "top_k", "document_ids")
    return {name: getattr(request, name) for name in kept} | {"agent": "research"}


async def _give_up(error: Exception, queue: _Queue) -> None:
    tell_failure(error)
    await queue.put(error)
