"""The agents as LangServe wants them: each a small `Runnable` with declared input, output and configuration."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing
from logging import getLogger
from typing import Any, Literal, cast
from uuid import uuid4

from fastapi import Request
from langchain_core.callbacks import AsyncCallbackManagerForChainRun
from langchain_core.runnables import ConfigurableFieldSpec, Runnable, RunnableConfig
from langserve import CustomUserType

from app.api.auth import caller_of
from app.api.disconnects import answer_while_connected
from app.api.readable_events import ReadableEvents, with_sources
from app.api.request_checks import chat_request
from app.errors import LlmopsError
from app.runs import Event, Runner, RunRequest
from app.schemas import AgentChoice, AgentInput, Answer, ChatInput, Interrupt, Wire

log = getLogger("llmops.api")

_CONCURRENT_RUNS_OF_A_BATCH = 8
_CALLER = "caller"
_FAILED = "The server failed on this question"


class FinalAnswer(Answer):
    """What `invoke` and `batch` give and every stream ends with."""

    type: Literal["final"] = "final"
    content: str = ""


class FailedItem(Wire):
    """In the place of the answer that an item of a batch could not get."""

    type: Literal["error"] = "error"
    content: str
    code: str


class AgentItem(AgentInput, CustomUserType):
    """As `AgentInput`; LangServe hands a `CustomUserType` on as it is instead of taking it apart."""


class ChatItem(ChatInput, CustomUserType):
    """As `ChatInput`, handed on as it is."""


class AgentRunnable(Runnable[Any, Any]):
    """An agent as LangServe wants it: declared types, declared configuration, events that survive JSON.

    `get_runner` is called for each request, since the routes exist before the lifespan has opened the runner.
    """

    def __init__(self, agent: AgentChoice, get_runner: Callable[[], Runner]) -> None:
        self.name = agent
        self._agent = agent
        self._get_runner = get_runner

    @property
    def InputType(self) -> type[AgentItem]:  # noqa: N802  # LangChain's name
        return AgentItem

    @property
    def OutputType(self) -> Any:  # noqa: N802  # LangChain's name
        return FinalAnswer | Interrupt | FailedItem

    @property
    def config_specs(self) -> list[ConfigurableFieldSpec]:
        return [
            ConfigurableFieldSpec(
                id="thread_id",
                annotation=str,
                name="Thread",
                description="Conversation to continue; leave empty to begin one",
                default="",  # the playground cannot draw null
            ),
            ConfigurableFieldSpec(
                id="approve_plan",
                annotation=bool,
                name="Approve the plan",
                description="Let a research wait until its plan is approved",
                default=False,
            ),
        ]

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return asyncio.run(self.ainvoke(input, config, **kwargs))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        return await self._acall_with_config(self._answer, input, config)

    async def abatch(
        self,
        inputs: list[Any],
        config: RunnableConfig | list[RunnableConfig] | None = None,
        *,
        return_exceptions: bool = False,
        **kwargs: Any,
    ) -> list[Any]:
        """Answer side by side, but the questions of one thread in their order.

        What fails is an `error` in its place, and costs no other question its answer, unless the failures are to be
        returned as they are.
        """
        configs = config if isinstance(config, list) else [config or RunnableConfig() for _ in inputs]
        slots = asyncio.Semaphore(_CONCURRENT_RUNS_OF_A_BATCH)
        turns: defaultdict[object, asyncio.Lock] = defaultdict(asyncio.Lock)

        async def answer_one(item: Any, item_config: RunnableConfig) -> Any:
            thread_id = item_config.get("configurable", {}).get("thread_id") or object()
            async with turns[thread_id], slots:
                try:
                    return await self.ainvoke(item, item_config)
                except Exception as error:
                    if return_exceptions:
                        raise
                    return self._error_event(error)

        pairs = zip(inputs, configs, strict=True)
        tasks = [asyncio.create_task(answer_one(*pair)) for pair in pairs]
        try:
            return await asyncio.gather(*tasks, return_exceptions=return_exceptions)
        finally:
            for task in tasks:
                task.cancel()

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any | None
    ) -> AsyncIterator[Any]:
        events = self._atransform_stream_with_config(_only(input), self._events, config)
        # A generator in spite of its declared type; closing it is what stops the run when the client hangs up.
        async with aclosing(cast("AsyncGenerator[Event, None]", events)):
            async for event in events:
                yield event

    async def _request(self, input: Any, config: RunnableConfig) -> RunRequest:
        fields = AgentItem.model_validate(input)
        who = caller_of(caller(config))
        options, run_id = config.get("configurable", {}), str(config.get("run_id") or uuid4())
        thread_id = options.get("thread_id") or None
        if fields.resume is not None:
            stored = who.stored(thread_id or "")
            return await self._get_runner().resumed(stored, fields.resume, run_id)
        return RunRequest(
            tenant=who.tenant,
            **fields.model_dump(exclude={"agent", "resume"}),
            agent=fields.agent if self._agent == "auto" else self._agent,
            thread_id=thread_id,
            approve_plan=bool(options.get("approve_plan")),
            run_id=run_id,
        )

    async def _answer(
        self, input: Any, run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> Event:
        run = await self._request(input, config)
        answer = await answer_while_connected(self._get_runner(), run, caller(config))
        if isinstance(answer, Interrupt):
            return answer.model_dump(mode="json")
        return FinalAnswer(**answer.model_dump()).model_dump(mode="json")

    async def _events(
        self, inputs: AsyncIterator[Any], run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> AsyncGenerator[Event, None]:
        """The run's events; what goes wrong is an event as well, for the status has been sent already."""
        async for item in inputs:
            readable = ReadableEvents()
            try:
                run = await self._request(item, config)
                async with aclosing(self._get_runner().stream(run)) as events:
                    async for event in events:
                        yield readable.format(event)
            except Exception as error:  # noqa: BLE001  # it is logged
                yield self._error_event(error)

    def _error_event(self, error: Exception) -> Event:
        """What a caller may know of it; the rest is in the log."""
        if isinstance(error, LlmopsError):
            return {"type": "error", "content": error.detail, "code": error.code}
        log.error("unhandled_exception", extra={"agent": self._agent}, exc_info=error)
        return {"type": "error", "content": _FAILED, "code": LlmopsError.code}


class ChatRunnable(Runnable[Any, Any]):
    """The assistant for the chat playground, which keeps the conversation itself and shows plain text."""

    name = "chat"

    def __init__(self, get_runner: Callable[[], Runner]) -> None:
        self._get_runner = get_runner

    @property
    def InputType(self) -> type[ChatItem]:  # noqa: N802  # LangChain's name
        return ChatItem

    @property
    def OutputType(self) -> type[str]:  # noqa: N802  # LangChain's name
        return str

    def invoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        return asyncio.run(self.ainvoke(input, config, **kwargs))

    async def ainvoke(self, input: Any, config: RunnableConfig | None = None, **kwargs: Any) -> str:
        answer: str = await self._acall_with_config(self._answer, input, config)
        return answer

    async def astream(
        self, input: Any, config: RunnableConfig | None = None, **kwargs: Any | None
    ) -> AsyncIterator[str]:
        """The whole answer at once; what goes wrong is text as well, for the status has been sent already."""
        try:
            yield await self.ainvoke(input, config)
        except LlmopsError as error:
            yield error.detail
        except Exception:
            log.exception("unhandled_exception", extra={"agent": self.name})
            yield _FAILED

    async def _answer(
        self, input: Any, run_manager: AsyncCallbackManagerForChainRun, config: RunnableConfig
    ) -> str:
        request = caller(config)
        run = chat_request(ChatItem.model_validate(input), tenant=caller_of(request).tenant)
        answer = await answer_while_connected(self._get_runner(), run, request)
        assert isinstance(answer, Answer)  # noqa: S101  # nothing asks for approval here
        return with_sources(answer)


def keep_caller(config: dict[str, Any], request: Request) -> dict[str, Any]:
    """Let a run see whether its caller is still there."""
    config.setdefault("configurable", {})[_CALLER] = request
    return config


def caller(config: RunnableConfig) -> Request:
    request: Request = config["configurable"][_CALLER]
    return request


async def _only(item: Any) -> AsyncIterator[Any]:
    yield item
