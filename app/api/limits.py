"""Keeps one caller from taking what is everybody's: so many requests and bytes of uploads within a while."""

from __future__ import annotations

from typing import cast

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.asgi import HttpMiddleware
from app.api.refusals import refusal
from app.errors import LlmopsError, Overloaded
from app.principal import Principal
from app.quotas import Allowance, Quota
from app.settings import Settings

_UPLOADS = ("/upload", "/upload_pdf", "/index")
_NEVER_LIMITED = ("/health", "/health/live", "/health/ready")


class RequestLimits(HttpMiddleware):
    """Counts by key, and by address where there is none; what tells whether the service is well is never refused."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(app)
        storage = settings.rate_limit_storage
        self._requests = Quota("requests", settings.rate_limit_requests, storage)
        self._bytes = Quota("bytes of uploads", settings.rate_limit_upload_bytes, storage)
        self._most = settings.max_open_requests
        self._open = 0

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in _NEVER_LIMITED:
            await self._app(scope, receive, send)
            return
        self._open += 1
        try:
            await self._serve_counted(scope, receive, send)
        finally:
            self._open -= 1

    async def _serve_counted(self, scope: Scope, receive: Receive, send: Send) -> None:
        who = _who(scope)
        try:
            if self._open > self._most:
                raise Overloaded(f"{self._most} requests are being served, which is as many as may be")
            allowance = await self._requests.use(who)
            if scope["path"].rstrip("/") in _UPLOADS:
                await self._bytes.use(who, _announced(scope))
        except LlmopsError as error:
            await refusal(scope["path"], error)(scope, receive, send)
            return
        await self._app(scope, receive, send if allowance is None else _telling(allowance, send))


def _who(scope: Scope) -> str:
    principal = cast("Principal | None", scope.get("state", {}).get("principal"))
    if principal is not None and principal.identity is not None:
        return principal.identity
    client = scope.get("client")
    return f"address {client[0]}" if client else "somebody"


def _announced(scope: Scope) -> int:
    """Bytes of the body; one that comes in pieces of unknown number counts as one."""
    length = Headers(scope=scope).get("content-length", "")
    return max(1, int(length)) if length.isdecimal() else 1


def _telling(allowance: Allowance, send: Send) -> Send:
    """With the fields of the IETF's draft on rate limits, in the form that most services send."""

    async def tell(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            headers["RateLimit-Limit"] = str(allowance.limit)
            headers["RateLimit-Remaining"] = str(allowance.remaining)
            headers["RateLimit-Reset"] = str(allowance.reset_s)
        await send(message)

    return tell
