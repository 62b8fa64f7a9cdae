"""Models behind an API: the options of an OpenAI-compatible one, and what a provider's exceptions mean for us."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from logging import getLogger
from typing import Any, Final, Protocol

import httpx
from pydantic import SecretStr

from app.errors import (
    ConfigurationError,
    ModelContextExceeded,
    ModelError,
    ModelMisbehaved,
    ModelRateLimited,
    ModelTimeout,
    ModelUnavailable,
)
from app.models.retry import requested_pause
from app.settings import Settings, environment_name
from app.telemetry import traces

log = getLogger("llmops.rag")

_USUAL_PAUSE_S: Final = 0.5
_LONGEST_PAUSE_S: Final = 5.0
"""Who is asked to wait longer than this does not: the demo engine answers at once."""
_TIMEOUT_NAMES: Final = ("Timeout", "TimeoutError", "TimeoutException")
_TOO_LONG: Final = re.compile(
    r"context[_ ](?:length|window|size)|maximum context|prompt is too long|too many (?:input )?tokens",
    re.IGNORECASE,
)
"""How providers say it: there is no common code."""
_CONFUSED: Final = (ValueError, TypeError, AttributeError, LookupError)
"""What client libraries raise when an answer is not what its protocol promises."""


class ProviderFailure(Exception):
    """A provider's exception in our terms, on its way to where it is retried or raised as `error`.

    `pause_s` is how long to wait before another attempt; None when there should be none.
    """

    def __init__(self, error: ModelError, *, pause_s: float | None) -> None:
        super().__init__(str(error))
        self.error = error
        self.code = error.code
        self.pause_s = pause_s


@contextmanager
def provider_call(name: str) -> Iterator[None]:
    """Translate whatever a call to the model `name` raises; wrap nothing but the call itself in it.

    Neither the message nor the cause of the original goes along: both may quote the key or the prompt.

    Raises:
        ProviderFailure: the provider failed.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - any provider can be plugged in, and they share no base class
        failure = ProviderFailure(_as_model_error(error, name), pause_s=_pause_before_retry(error))
        fields = {
            "model": name,
            "code": failure.code,
            "exception": type(error).__name__,
            "status": _status_of(error),
            "provider_code": getattr(error, "code", None),
        }
        log.warning("model_failed", extra=fields)
        raise failure from None


class Connections(Protocol):
    """Those to a provider, kept between the calls of synchronous clients."""

    def close(self) -> None: ...


class AsyncConnections(Protocol):
    """Those of asynchronous clients; they belong to the event loop that made the first."""

    async def aclose(self) -> None: ...


def openai_connections() -> Connections:
    from openai import DefaultHttpxClient

    return DefaultHttpxClient(event_hooks={"request": [_tell_trace]})


def openai_async_connections() -> AsyncConnections:
    from openai import DefaultAsyncHttpxClient

    return DefaultAsyncHttpxClient(event_hooks={"request": [_tell_trace_async]})


def _tell_trace(request: httpx.Request) -> None:
    """Let a server of one's own go on with the trace, where there is one."""
    request.headers.update(traces.headers())


async def _tell_trace_async(request: httpx.Request) -> None:
    _tell_trace(request)


def openai_options(settings: Settings, field: str) -> dict[str, Any]:
    """Arguments that LangChain's OpenAI classes share; retries are ours, since theirs may sleep for a minute.

    `field` names the setting that asks for the model. A server of one's own, as Ollama or vLLM, needs no key.

    Raises:
        ConfigurationError: OpenAI itself is meant and no key is set.
    """
    key = settings.openai_api_key
    if key is None and settings.openai_base_url is None:
        name = environment_name(field)
        raise ConfigurationError(
            f"{name}={getattr(settings, field)!r} needs OPENAI_API_KEY or OPENAI_BASE_URL"
        )
    return {
        "api_key": key or SecretStr("unused"),
        "base_url": settings.openai_base_url,
        "timeout": settings.model_timeout_s,
        "max_retries": 0,
    }


@contextmanager
def provider_choice(field: str, name: str) -> Iterator[None]:
    """Say which setting is to blame when a provider is unknown, not installed or lacks its key.

    Raises:
        ConfigurationError: the block failed to build the model `name`.
    """
    try:
        yield
    except (ImportError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise ConfigurationError(f"{environment_name(field)}={name!r} cannot be used: {reason}") from None


def _as_model_error(error: Exception, name: str) -> ModelError:
    status = _status_of(error)
    if _is_timeout(error) or status in {408, 504}:
        return ModelTimeout(f"{name} did not answer in time")
    if status == 429:
        return ModelRateLimited(
            f"{name} refused: its rate limit or quota is exhausted",
            retry_after_s=requested_pause(_headers_of(error)),
            is_final=_is_out_of_quota(error),
        )
    if status in {400, 413, 422} and _TOO_LONG.search(f"{getattr(error, 'code', '')} {error}"):
        return ModelContextExceeded(f"{name} cannot read so long a prompt")
    if status is not None and status >= 300:
        return ModelUnavailable(f"{name} answered with status {status}")
    if status is not None or (isinstance(error, _CONFUSED) and not isinstance(error, OSError)):
        return ModelMisbehaved(f"{name} sent an answer that cannot be read")
    return ModelUnavailable(f"{name} cannot be reached ({type(error).__name__})")


def _pause_before_retry(error: Exception) -> float | None:
    """Seconds to wait, or None where another attempt would fail as well or take too long."""
    status = _status_of(error)
    if _is_timeout(error) or isinstance(error, _CONFUSED) or _is_out_of_quota(error):
        return None
    if status is not None and status < 500 and status not in {408, 409, 429}:
        return None
    pause = requested_pause(_headers_of(error))
    if pause is None:
        return _USUAL_PAUSE_S
    return pause if pause <= _LONGEST_PAUSE_S else None


def _headers_of(error: Exception) -> Mapping[str, str]:
    return getattr(getattr(error, "response", None), "headers", None) or {}


def _is_out_of_quota(error: Exception) -> bool:
    """Whether somebody has to pay before the provider answers again."""
    return getattr(error, "code", "") == "insufficient_quota"


def _status_of(error: Exception) -> int | None:
    """The HTTP status, where the client library has put one on its exception."""
    response = getattr(error, "response", None)
    places = (
        getattr(error, "status_code", None),
        getattr(response, "status_code", None),
        getattr(error, "code", None),
    )
    return next((place for place in places if isinstance(place, int)), None)


def _is_timeout(error: Exception) -> bool:
    return any(ancestor.__name__.endswith(_TIMEOUT_NAMES) for ancestor in type(error).__mro__)
