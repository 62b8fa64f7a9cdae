"""Gives every request an id, in its answer and in each log line, and logs how it ended."""

from __future__ import annotations

import re
from logging import getLogger
from time import perf_counter
from uuid import uuid4

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import Message, Receive, Scope, Send

from app.api.asgi import HttpMiddleware
from app.telemetry import context

log = getLogger("llmops.api")

HEADER = "x-request-id"
_SENSIBLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestLog(HttpMiddleware):
    """Takes the client's `X-Request-ID` when it is a sensible one, else makes one."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        sent = Headers(scope=scope).get(HEADER, "")
        token = context.request_id.set(sent if _SENSIBLE_ID.fullmatch(sent) else uuid4().hex)
        started, status = perf_counter(), 0

        async def note(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = context.request_id.get()
            await send(message)

        try:
            await self._app(scope, receive, note)
        finally:
            elapsed = round((perf_counter() - started) * 1000, 1)
            fields = {"method": scope["method"], "path": scope["path"], "status": status, "ms": elapsed}
            log.info("request", extra=fields)
            context.request_id.reset(token)
