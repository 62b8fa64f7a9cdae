"""Every error as `application/problem+json` (RFC 9457), ours and the framework's alike."""

from __future__ import annotations

from collections.abc import Sequence
from logging import getLogger
from typing import Any, cast

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app import logs
from app.errors import BodyTooLarge, InvalidRequest, LlmopsError
from app.schemas import Problem

log = getLogger("llmops.api")

MEDIA_TYPE = "application/problem+json"
_CODES = {400: "bad_request", 404: "not_found", 405: "method_not_allowed", 413: "body_too_large"}


def problem(
    status: int, *, code: str, title: str, detail: str, headers: dict[str, str] | None = None
) -> JSONResponse:
    """Build the wire form of one error."""
    body = Problem(
        type=f"urn:llmops:problem:{code}",
        title=title,
        status=status,
        detail=detail,
        code=code,
        request_id=logs.request_id.get(),
    )
    return JSONResponse(body.model_dump(), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def from_error(error: LlmopsError) -> JSONResponse:
    return problem(error.status, code=error.code, title=error.title, detail=error.detail)


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
    if error.get("type") == "json_invalid":
        return f"body: not valid JSON at character {error['loc'][-1]}"
    path = ".".join(str(part) for part in error.get("loc", ()) if part not in ("body", "__root__"))
    return f"{path or 'body'}: {error.get('msg', 'not valid')}"


async def _on_llmops_error(request: Request, error: Exception) -> JSONResponse:
    return from_error(cast(LlmopsError, error))


async def _on_validation_error(request: Request, error: Exception) -> JSONResponse:
    return from_error(InvalidRequest(explain_validation(cast(RequestValidationError, error).errors())))


async def _on_http_exception(request: Request, error: Exception) -> JSONResponse:
    failure = cast(HTTPException, error)
    detail = str(failure.detail)
    code = _CODES.get(failure.status_code, f"http_{failure.status_code}")
    headers = dict(failure.headers) if failure.headers else None
    return problem(failure.status_code, code=code, title=detail, detail=detail, headers=headers)


class LastResort:
    """Turns an unhandled exception into a problem while the connection stays usable.

    Left to the server, the exception would close the keep-alive socket and the client's next request would fail too.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
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


class BodyLimit:
    """Refuses a body over the limit: at once when its length is announced, else as soon as it has grown too long.

    FastAPI's own limit would answer the first case in plain text, whatever handlers there are.
    """

    def __init__(self, app: ASGIApp, max_bytes: int) -> None:
        self._app = app
        self._max_bytes = max_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > self._max_bytes:
            await from_error(BodyTooLarge(self._explain()))(scope, receive, send)
            return
        received = 0

        async def count() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._max_bytes:
                # The one kind of exception that FastAPI lets through while it parses a body.
                raise HTTPException(BodyTooLarge.status, self._explain())
            return message

        await self._app(scope, count, send)

    def _explain(self) -> str:
        return f"The body is too large; at most {self._max_bytes} bytes are accepted"


def add_problem_handlers(app: FastAPI) -> None:
    app.add_exception_handler(LlmopsError, _on_llmops_error)
    app.add_exception_handler(RequestValidationError, _on_validation_error)
    app.add_exception_handler(HTTPException, _on_http_exception)
