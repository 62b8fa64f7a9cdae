"""What every answer tells a browser: to guess no type, to be in no frame, to keep nothing, to run nothing of others.

The service answers JSON, text and downloads, for which a browser has nothing to load; only the playgrounds and the
pages with the routes run scripts, each allowed by where it comes from or, inline, by its hash.
"""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from collections.abc import Mapping
from typing import Literal

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.agents import AGENTS
from app.api.asgi import HttpMiddleware

Page = Literal["docs", "playground"]

_EVERYWHERE = {
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "permissions-policy": "camera=(), display-capture=(), geolocation=(), microphone=(), payment=(), usb=()",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
_API = _EVERYWHERE | {
    "content-security-policy": "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cache-control": "no-store",
}
_LOCKED = (
    "default-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; connect-src 'self'"
)
_CDN = "https://cdn.jsdelivr.net"
_POLICIES: dict[Page, str] = {
    # FastAPI's pages take Swagger UI and ReDoc from there.
    "docs": f"{_LOCKED}; script-src {_CDN} {{scripts}}; worker-src blob:; font-src https://fonts.gstatic.com; "
    f"style-src 'unsafe-inline' {_CDN} https://fonts.googleapis.com; "
    "img-src 'self' data: https://fastapi.tiangolo.com https://cdn.redoc.ly",
    # LangServe's forms are checked by functions that are made of their schema, hence `unsafe-eval`.
    "playground": f"{_LOCKED}; script-src 'self' 'unsafe-eval' {{scripts}}; style-src 'self' 'unsafe-inline'; "
    "font-src 'self' data:; img-src 'self' data:",
}
_PAGES: tuple[tuple[re.Pattern[str], Page], ...] = (
    (re.compile(r"/docs(?:/oauth2-redirect)?|/redoc"), "docs"),
    (re.compile(rf"/(?:agent|chat|{'|'.join(AGENTS)})(?:/c/[^/]+)?/playground/.*"), "playground"),
)
_INLINE_SCRIPT = re.compile(rb"<script>(.*?)</script>", re.DOTALL)


class SecurityHeaders(HttpMiddleware):
    """Adds what an answer does not say itself."""

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        page = next((page for pattern, page in _PAGES if pattern.fullmatch(path)), None)
        if page is not None:
            await _serve_page(self._app, page, scope, receive, send)
            return

        async def add(message: Message) -> None:
            if message["type"] == "http.response.start":
                _add(message, _API)
            await send(message)

        await self._app(scope, receive, add)


async def _serve_page(app: ASGIApp, page: Page, scope: Scope, receive: Receive, send: Send) -> None:
    """Hold the beginning back until the whole page, which is small, tells which scripts stand in it."""
    started: Message | None = None
    body = b""

    async def hold(message: Message) -> None:
        nonlocal started, body
        if message["type"] == "http.response.start":
            started = message
            return
        body += message.get("body", b"")
        if started is not None and not message.get("more_body", False):
            is_html = Headers(scope=started).get("content-type", "").startswith("text/html")
            policy = _POLICIES[page].format(scripts=_hashes(body) if is_html else "")
            own = {"content-security-policy": policy, "cache-control": "no-cache"}
            _add(started, _EVERYWHERE | own)
            await send(started)
            await send({**message, "body": body})

    await app(scope, receive, hold)


def _hashes(html: bytes) -> str:
    digests = (hashlib.sha256(script).digest() for script in _INLINE_SCRIPT.findall(html))
    return " ".join(f"'sha256-{b64encode(digest).decode()}'" for digest in digests)


def _add(start: Message, wanted: Mapping[str, str]) -> None:
    headers = MutableHeaders(scope=start)
    for name, value in wanted.items():
        headers.setdefault(name, value)
