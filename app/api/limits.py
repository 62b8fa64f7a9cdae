"""Keeps one caller from taking what is everybody's: so many requests and bytes of uploads within a while."""

from __future__ import annotations

from collections import Counter
from ipaddress import IPv4Address, ip_address, ip_network
from typing import Final, cast

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.asgi import HttpMiddleware
from app.api.refusals import refusal
from app.errors import LlmopsError, Overloaded, TooManyRequests
from app.principal import Principal
from app.quotas import Allowance, Quota
from app.settings import Settings

_UPLOADS = ("/upload", "/upload_pdf", "/index")
_NEVER_LIMITED = ("/health", "/health/live", "/health/ready")
_NETWORK_BITS: Final = 64
_BY_ADDRESS: Final = "address "
"""Many may stand behind one."""


class RequestLimits(HttpMiddleware):
    """Counts by key, and by address where there is none; what tells whether the service is well is never refused."""

    def __init__(self, app: ASGIApp, settings: Settings) -> None:
        super().__init__(app)
        storage = settings.rate_limit_storage
        self._requests = Quota("requests", settings.rate_limit_requests, storage)
        self._bytes = Quota("bytes of uploads", settings.rate_limit_upload_bytes, storage)
        self._most = settings.max_open_requests
        self._open = 0
        self._open_of: Counter[str] = Counter()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Let go of what counts when the server ends."""
        try:
            await super().__call__(scope, receive, send)
        finally:
            if scope["type"] == "lifespan":
                await self._requests.aclose()
                await self._bytes.aclose()

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] in _NEVER_LIMITED:
            await self._app(scope, receive, send)
            return
        who = _who(scope)
        self._open += 1
        self._open_of[who] += 1
        try:
            await self._serve_counted(who, scope, receive, send)
        finally:
            self._open -= 1
            self._open_of[who] -= 1
            if not self._open_of[who]:
                del self._open_of[who]

    async def _serve_counted(self, who: str, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._check_open(who)
            allowance = await self._requests.use(who)
            if scope["path"].removeprefix(scope.get("root_path", "")).rstrip("/") in _UPLOADS:
                announced = _announced(scope)
                await self._bytes.use(who, announced or 1)
                receive = receive if announced is not None else self._counting(who, receive)
        except LlmopsError as error:
            await refusal(scope["path"], error)(scope, receive, send)
            return
        await self._app(scope, receive, send if allowance is None else _telling(allowance, send))

    def _check_open(self, who: str) -> None:
        """Raises Overloaded, or TooManyRequests: half of all is his, and others have keys as well."""
        if self._open > self._most:
            raise Overloaded(f"{self._most} requests are being served, which is as many as may be")
        share = max(1, self._most // 2)
        if self._open_of[who] > share and not who.startswith(_BY_ADDRESS):
            raise TooManyRequests(f"{share} requests of yours are being served, which is as many as may be")

    def _counting(self, who: str, receive: Receive) -> Receive:
        """For a body whose length nobody has told: its pieces are counted as they come, and one too many is refused."""

        async def count() -> Message:
            message = await receive()
            try:
                await self._bytes.use(who, len(message.get("body", b"")))
            except TooManyRequests as error:
                # The one kind of exception that FastAPI lets through while it parses a body.
                raise HTTPException(error.status, error.detail, dict(error.headers)) from None
            return message

        return count


def _who(scope: Scope) -> str:
    principal = cast("Principal | None", scope.get("state", {}).get("principal"))
    if principal is not None and principal.identity is not None:
        return principal.identity
    client = scope.get("client")
    return f"{_BY_ADDRESS}{_place(client[0])}" if client else f"{_BY_ADDRESS}unknown"


def _place(host: str) -> str:
    """Where an address belongs: whoever has one of IPv6 has the 2^64 of its network as well."""
    try:
        address = ip_address(host)
    except ValueError:
        return host
    if isinstance(address, IPv4Address):
        return host
    return str(address.ipv4_mapped or ip_network((int(address), _NETWORK_BITS), strict=False))


def _announced(scope: Scope) -> int | None:
    """Bytes of the body, if they are told beforehand."""
    length = Headers(scope=scope).get("content-length", "")
    return int(length) if length.isdecimal() else None


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
