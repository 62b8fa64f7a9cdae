"""Every error as `application/problem+json` (RFC 9457), ours and the framework's alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from logging import getLogger
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from app.api.asgi import HttpMiddleware
from app.errors import (
    BodyTooLarge,
    InvalidRequest,
    LlmopsError,
    NotFound,
    RequestError,
    SlowBody,
    TooManyRequests,
)
from app.schemas import Problem, ProblemInfo
from app.telemetry import context

log = getLogger("llmops.api")

MEDIA_TYPE = "application/problem+json"
# Those of the framework's errors that are also ours.
_OURS = {
    error.status: error
    for error in (RequestError, NotFound, SlowBody, BodyTooLarge, InvalidRequest, TooManyRequests)
}
_CODES = {405: "method_not_allowed"}


def problem(
    status: int, *, code: str, title: str, detail: str, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Build the wire form of one error."""
    body = Problem(
        type=f"urn:llmops:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        request_id=context.request_id.get(),
    )
    return JSONResponse(body.model_dump(), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def from_error(error: LlmopsError, headers: Mapping[str, str] | None = None) -> JSONResponse:
    return problem(
        error.status,
        code=error.code,
        title=error.title,
        detail=error.detail,
        headers={**error.headers, **(headers or {})},
    )


def as_problem(info: ProblemInfo) -> Problem:
    """What was noted of an error as the problem that it would have been the answer to."""
    kind = next((error for error in _all_errors(LlmopsError) if error.code == info.code), RequestError)
    return Problem(
        type=f"urn:llmops:problem:{info.code}",
        title=kind.title,
        status=kind.status,
        detail=info.detail,
        code=info.code,
        request_id=context.request_id.get(),
    )


def _all_errors(error: type[LlmopsError]) -> Iterator[type[LlmopsError]]:
    yield error
    for child in error.__subclasses__():
        yield from _all_errors(child)


def internal_error() -> JSONResponse:
    return problem(
        500,
        code="internal_error",
        title="Something went wrong",
        detail="The server failed on this request; its log has the details under this request_id.",
    )


def explain_validation(errors: Sequence[Any]) -> str:
    """Name each wrong field with its path; values are left out, for they may be long or private."""
    return "; ".join(_explain(error) for error in errors) or "the request is not valid"


def _explain(error: Any) -> str:
    if not isinstance(error, dict):
        return str(error)
    path = ".".join(str(part) for part in error.get("loc", ()) if part not in ("body", "__root__"))
    return f"{path or 'body'}: {error.get('msg', 'not valid')}"


async def _on_llmops_error(request: Request, error: Exception) -> JSONResponse:
    return from_error(cast(LlmopsError, error))


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    return from_error(InvalidRequest(explain_validation(cast(RequestValidationError, error).errors())))


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    failure = cast(HTTPException, error)
    detail = str(failure.detail)
    if ours := _OURS.get(failure.status_code):
        return from_error(ours(detail), failure.headers)
    code = _CODES.get(failure.status_code, f"http_{failure.status_code}")
    return problem(failure.status_code, code=code, title=detail, detail=detail, headers=failure.headers)


class LastResort(HttpMiddleware):
    """Turns an unhandled exception into a problem while the connection stays usable.

    Left to the server, the exception would close the keep-alive socket and the client's next request would fail too.
    """

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False

        async def watch(message: Message) -> None:
            nonlocal started
            started = started or message["type"] == "http.response.start"
            await send(message)

        try:
            await self._app(scope, receive, watch)
        except Exception:
            log.exception("unhandled_exception", extra={"path": scope["path"]})
            if started:
                raise
            await internal_error()(scope, receive, send)


def add_problem_handlers(app: FastAPI) -> None:
    app.add_exception_handler(LlmopsError, _on_llmops_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
