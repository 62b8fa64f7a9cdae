"""Counts, times and traces requests, by the templates of their routes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from importlib.util import find_spec
from logging import getLogger
from time import perf_counter
from typing import Final

from fastapi.telemetry import TelemetryConfig
from starlette.datastructures import Headers
from starlette.types import Message, Receive, Scope, Send

from app.api.asgi import HttpMiddleware
from app.errors import ConfigurationError
from app.settings import Settings, environment_name
from app.telemetry import context, metrics, traces
from app.telemetry.traces import Span, span_of_request

log = getLogger("llmops.api")

UNMATCHED: Final = "unmatched"
"""In the place of a route for what no route answers, or what is refused before one is looked for."""
FASTAPI_TELEMETRY: Final[TelemetryConfig] = {
    "tracing": False,
    "metrics": False,
    "logs": False,
    "auto_configure": False,
}
"""FastAPI's own stays off: it tells paths, queries and the messages of exceptions, whatever provider comes along."""
_EVENTS: Final = b"text/event-stream"


class Observe(HttpMiddleware):
    """What a request is about stays out: neither its path and query nor its body nor its caller's address."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started, status = perf_counter(), 0
        with span_of_request(scope["method"], Headers(scope=scope)) as span, ExitStack() as streaming:

            async def note(message: Message) -> None:
                nonlocal status
                if message["type"] == "http.response.start":
                    status = message["status"]
                    if _is_stream(message):
                        streaming.enter_context(metrics.open_stream())
                await send(message)

            try:
                await self._app(scope, receive, note)
            finally:
                route = route_of(scope)
                metrics.answered_request(route, scope["method"], status, perf_counter() - started)
                _describe(span, scope["method"], route, status)


def route_of(scope: Scope) -> str:
    """The template of the route that answered, as `/documents/{document_id}`."""
    if (route := scope.get("route")) is not None:
        return str(getattr(route, "path", UNMATCHED))
    # FastAPI does not name plain routes of Starlette's; without parameters they are their own templates.
    is_plain = scope.get("endpoint") is not None and not scope.get("path_params")
    return str(scope["path"]).removeprefix(scope.get("root_path", "")) if is_plain else UNMATCHED


@asynccontextmanager
async def open_tracing(settings: Settings) -> AsyncIterator[None]:
    """Collect spans until the block ends, where the settings ask for it; then wait until they are sent.

    Raises:
        ConfigurationError: OpenTelemetry is not installed.
    """
    if not settings.collects_traces:
        yield
        return
    require_tracing(settings)
    from app.telemetry.otlp import OtlpTracing

    tracing = OtlpTracing(settings.effective_otlp_endpoint)
    try:
        with traces.collecting(tracing):
            yield
    finally:
        await asyncio.to_thread(tracing.close)


def warn_of_langsmith() -> None:
    """Say so where LangChain sends questions and documents to LangSmith: its variables are easily inherited."""
    from langsmith.utils import tracing_is_enabled

    if tracing_is_enabled():
        log.warning("langsmith_is_on", extra={"sends": "questions, documents, answers"})


def require_tracing(settings: Settings) -> None:
    """Raises ConfigurationError: spans are to be collected, and OpenTelemetry is not installed."""
    if settings.collects_traces and find_spec("opentelemetry.exporter") is None:
        name = environment_name("otlp_endpoint" if settings.tracing is None else "tracing")
        raise ConfigurationError(f"{name} needs OpenTelemetry's packages, which the extra `otel` installs")


def _describe(span: Span, method: str, route: str, status: int) -> None:
    span.rename(f"{method} {route}")
    if status >= 500:
        span.fail(str(status))
    attributes: dict[str, traces.Value] = {
        "http.request.method": method,
        "http.route": route,
        "http.response.status_code": status,
    }
    span.note(attributes | traces.named({"request_id": context.request_id.get()}))


def _is_stream(message: Message) -> bool:
    return any(name == b"content-type" and value.startswith(_EVENTS) for name, value in message["headers"])
