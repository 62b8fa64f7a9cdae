"""Spans for whoever has something to time, at no cost where nobody collects them.

`app.telemetry.otlp` makes real ones of OpenTelemetry's; this module knows nothing of it. Attributes are ids, names of
models and agents, counts and codes: never a question, an answer, a document's text or name, or a secret.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from contextvars import Context, ContextVar
from typing import Final, Protocol

Value = str | int | float | bool


class Span(Protocol):
    """A span that goes on, below which others can begin."""

    def begin(self, name: str, attributes: Mapping[str, Value], *, kind: str = "internal") -> Span: ...

    def note(self, attributes: Mapping[str, Value]) -> None: ...

    def rename(self, name: str) -> None: ...

    def fail(self, code: str) -> None:
        """Mark it as failed, by the code of an error."""

    def end(self) -> None: ...

    def headers(self) -> dict[str, str]:
        """What lets another service go on with the trace (W3C Trace Context)."""


class Tracing(Protocol):
    def root(self, headers: Mapping[str, str]) -> Span:
        """What a request's span begins below: its caller's, where `headers` name one."""

    def close(self) -> None:
        """Send what has not been sent. Blocking."""


class _NoSpan:
    def begin(self, name: str, attributes: Mapping[str, Value], *, kind: str = "internal") -> Span:  # noqa: ARG002
        return self

    def note(self, attributes: Mapping[str, Value]) -> None: ...

    def rename(self, name: str) -> None: ...

    def fail(self, code: str) -> None: ...

    def end(self) -> None: ...

    def headers(self) -> dict[str, str]:
        return {}


NO_SPAN: Final[Span] = _NoSpan()
_OFF: Final = nullcontext(NO_SPAN)
_current: ContextVar[Span | None] = ContextVar("span", default=None)
_tracing: list[Tracing] = []
"""That of this process, as its logging is; the newest counts."""


@contextmanager
def collecting(tracing: Tracing) -> Iterator[None]:
    """Collect the spans of this process for the block, which leaves closing to the caller."""
    _tracing.append(tracing)
    try:
        yield
    finally:
        _tracing.remove(tracing)


def is_collecting() -> bool:
    return bool(_tracing)


def span(name: str, **attributes: Value) -> AbstractContextManager[Span]:
    """A span around a block, below the one that goes on; `llmops.` comes before the names of its attributes."""
    if not _tracing:
        return _OFF
    return _going_on(current().begin(name, named(attributes)))


def span_of_call(name: str, attributes: Mapping[str, Value]) -> AbstractContextManager[Span]:
    """A span around a request to another service; attributes have their whole names."""
    if not _tracing:
        return _OFF
    return _going_on(current().begin(name, attributes, kind="client"))


def span_of_request(name: str, headers: Mapping[str, str]) -> AbstractContextManager[Span]:
    """A span around the answer to a request, below the caller's where `headers` name it."""
    if not _tracing:
        return _OFF
    return _going_on(_tracing[-1].root(headers).begin(name, {}, kind="server"))


def named(attributes: Mapping[str, Value]) -> dict[str, Value]:
    return {f"llmops.{name}": value for name, value in attributes.items()}


def current() -> Span:
    """The span that goes on; where there is none, what begins a trace of its own."""
    found = _current.get()
    if found is not None:
        return found
    return _tracing[-1].root({}) if _tracing else NO_SPAN


def below(parent: Span) -> AbstractContextManager[None]:
    """Let spans of the block begin below one that may have ended already, as a job's do below its request's."""
    return _below(parent) if _tracing else nullcontext()


def headers() -> dict[str, str]:
    """Of a request to another service; none where no span goes on."""
    found = _current.get()
    return {} if found is None else found.headers()


def carry_into(context: Context) -> None:
    """Let what runs in another context begin its spans below this one's."""
    context.run(_current.set, _current.get())


@contextmanager
def _below(parent: Span) -> Iterator[None]:
    token = _current.set(parent)
    try:
        yield
    finally:
        _current.reset(token)


@contextmanager
def _going_on(begun: Span) -> Iterator[Span]:
    token = _current.set(begun)
    try:
        yield begun
    except BaseException as error:
        begun.fail(str(getattr(error, "code", None) or type(error).__name__))
        raise
    finally:
        _current.reset(token)
        begun.end()
