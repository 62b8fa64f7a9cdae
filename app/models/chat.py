"""The chat model that the settings choose, behind time limits, retries and our own errors."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Sequence
from contextlib import aclosing, asynccontextmanager
from itertools import count
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from pydantic import BaseModel, ValidationError
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import WithDefaultSchema

from app.errors import ModelMisbehaved, ModelTimeout
from app.models.calls import model_call
from app.models.provider import (
    AsyncConnections,
    ProviderFailure,
    openai_async_connections,
    openai_options,
    provider_call,
    provider_choice,
)
from app.settings import Settings
from app.surrogates import replace_surrogates

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel
    from langchain_core.messages import AIMessage, AIMessageChunk, BaseMessage
    from langchain_core.runnables import RunnableConfig

MAX_ANSWER_CHARS = 32_000
"""Far more than any prompt of ours asks for; a model that goes on repeats itself, and every check costs time."""

T = TypeVar("T")
Schema = TypeVar("Schema", bound=BaseModel)
OnToken = Callable[[str], None]

_CONFIG: Final[RunnableConfig] = {"tags": ["nostream"]}
"""Keeps LangGraph from streaming a call's tokens by itself: they go where `on_token` sends them."""
_REASONING: Final = re.compile(r"openai:(o\d|gpt-[5-9])")
"""OpenAI's models that accept no temperature, and count what they think as part of the answer."""


class ChatModel:
    """A LangChain chat model whose every call ends within `timeout_s` seconds, retries included.

    Cancelling a call closes the request to the provider.

    Raises (both methods):
        ModelUnavailable, ModelRateLimited, ModelTimeout, ModelMisbehaved: no usable answer was to be had.
    """

    def __init__(
        self,
        model: BaseChatModel,
        *,
        name: str,
        timeout_s: float,
        max_retries: int = 0,
        structured_options: dict[str, Any] | None = None,
        connections: AsyncConnections | None = None,
    ) -> None:
        """`connections` to the provider are kept between calls, for the event loop that made the first."""
        self.name = name
        self.timeout_s = timeout_s
        self._model = model
        self._max_retries = max_retries
        self._structured_options = structured_options or {}
        self._connections = connections

    async def aclose(self) -> None:
        """Close what is kept open; the model is not called any more."""
        if self._connections is not None:
            await self._connections.aclose()

    async def complete(self, messages: Sequence[BaseMessage], *, on_token: OnToken | None = None) -> str:
        """Answer the messages, never with blanks alone; with `on_token` each piece is passed on as it comes.

        A stream that breaks off is not begun anew: its beginning has been shown already.
        """
        async with self._deadline():
            if on_token is None:
                message = await self._retry(lambda: self._answer(list(messages)))
            else:
                message = await self._retry(lambda: self._stream(list(messages), on_token))
        text = replace_surrogates(str(message.text))
        if not text.strip():
            raise ModelMisbehaved(f"{self.name} sent an empty answer")
        if len(text) > MAX_ANSWER_CHARS:
            raise self._endless()
        return text

    async def structured(self, messages: Sequence[BaseMessage], schema: type[Schema]) -> Schema:
        """Answer the messages with an instance of `schema`; a wrong form is pointed out to the model once."""
        from langchain_core.messages import HumanMessage

        model = self._model.with_structured_output(
            schema.model_json_schema(schema_generator=_NoDefaults),
            include_raw=True,
            **self._structured_options,
        )
        conversation = list(messages)

        async def ask() -> Any:
            with model_call(self.name, "chat") as call:
                with provider_call(self.name):
                    result: Any = await model.ainvoke(conversation, _CONFIG)
                call.count(result["raw"])
                return result

        async with self._deadline():
            for _ in range(2):
                result = await self._retry(ask)
                try:
                    return schema.model_validate(result["parsed"])
                except ValidationError as error:
                    conversation.append(HumanMessage(_point_out(error)))
        raise ModelMisbehaved(f"{self.name} did not answer in the form of {schema.__name__}")

    async def _answer(self, messages: list[BaseMessage]) -> AIMessage:
        with model_call(self.name, "chat") as call:
            with provider_call(self.name):
                message = await self._model.ainvoke(messages, _CONFIG)
            call.count(message)
            return message

    async def _stream(self, messages: list[BaseMessage], on_token: OnToken) -> AIMessage:
        """Collect the stream; what `on_token` raises is a defect of ours and passes through untranslated."""
        whole: AIMessageChunk | None = None
        written = 0
        with model_call(self.name, "chat") as call:
            async with aclosing(self._chunks(messages)) as chunks:
                try:
                    async for chunk in chunks:
                        whole = chunk if whole is None else whole + chunk
                        if text := str(chunk.text):
                            written += len(text)
                            if written > MAX_ANSWER_CHARS:
                                raise self._endless()
                            on_token(replace_surrogates(text))
                except ProviderFailure as failure:
                    if whole is None:
                        raise
                    raise ProviderFailure(failure.error, pause_s=None) from None
            if whole is None:
                raise ModelMisbehaved(f"{self.name} sent an empty stream")
            call.count(whole)
        return whole

    def _endless(self) -> ModelMisbehaved:
        return ModelMisbehaved(f"{self.name} wrote more than {MAX_ANSWER_CHARS:,} characters")

    async def _chunks(self, messages: list[BaseMessage]) -> AsyncGenerator[AIMessageChunk, None]:
        # LangChain declares an iterator and gives a generator, whose closing ends the HTTP request.
        stream = cast("AsyncGenerator[AIMessageChunk, None]", self._model.astream(messages, _CONFIG))
        async with aclosing(stream):
            while True:
                with provider_call(self.name):
                    chunk = await anext(stream, None)
                if chunk is None:
                    return
                yield chunk

    async def _retry(self, call: Callable[[], Awaitable[T]]) -> T:
        for attempt in count():
            try:
                return await call()
            except ProviderFailure as failure:
                if attempt >= self._max_retries or failure.pause_s is None:
                    raise failure.error from None
                await asyncio.sleep(failure.pause_s)
        raise AssertionError("unreachable")

    @asynccontextmanager
    async def _deadline(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self.timeout_s):
                yield
        except TimeoutError:
            raise ModelTimeout(f"{self.name} did not answer within {self.timeout_s:g} s") from None


def build_chat_model(settings: Settings, *, keeps_connections: bool = False) -> ChatModel | None:
    """Build the configured model without calling it; None when the demo engine is to answer.

    One that keeps its connections saves each call the handshakes, serves one event loop only and has to be closed.

    Raises:
        ConfigurationError: the provider is unknown, not installed or lacks its key.
    """
    if settings.demo_mode or not settings.has_chat_model:
        return None
    from langchain.chat_models import init_chat_model

    name = settings.effective_chat_model
    options: dict[str, Any] = {}
    structured_options: dict[str, Any] = {}
    if name.startswith("openai:"):
        options = openai_options(settings, "chat_model") | {"stream_usage": True}
        if keeps_connections:
            options["http_async_client"] = openai_async_connections()
        else:
            options["default_headers"] = {"Connection": "close"}
        if not _REASONING.match(name):
            # A reasoning model would spend them on its thoughts.
            options |= {"temperature": 0.0, "max_tokens": settings.max_answer_tokens}
        # Of the two ways, constrained decoding is the one that servers offer without being set up for it.
        structured_options = {"method": "json_schema", "strict": True}
    with provider_choice("chat_model", name):
        model = init_chat_model(name, **options)
    return ChatModel(
        model,
        name=name,
        timeout_s=settings.model_timeout_s,
        max_retries=settings.model_max_retries,
        structured_options=structured_options,
        connections=options.get("http_async_client"),
    )


class _NoDefaults(GenerateJsonSchema):
    """OpenAI's strict mode wants every field from the model and refuses a schema that names defaults."""

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])


def _point_out(error: ValidationError) -> str:
    issues = "; ".join(
        f"{'.'.join(map(str, issue['loc'])) or 'answer'}: {issue['msg']}" for issue in error.errors()
    )
    return f"Your answer did not have the required form ({issues}). Answer again, in that form only."
