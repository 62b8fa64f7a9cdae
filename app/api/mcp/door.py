"""`/mcp`: the Model Context Protocol over streamable HTTP, without sessions, so that any process may answer.

Importing the SDK would double the time that the server's start takes, so the first request pays for it.
"""

from __future__ import annotations

import asyncio
from logging import getLogger
from typing import TYPE_CHECKING, cast

from fastapi import FastAPI
from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.auth import caller_of, may_read
from app.api.known_callers import KnownCallers
from app.api.problems import problem
from app.api.refusals import as_json_rpc
from app.api.services import Services
from app.errors import LlmopsError

if TYPE_CHECKING:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

log = getLogger("llmops.api")

_PATHS = ("/mcp", "/mcp/")  # no redirect between the two, which not every client would follow


class McpDoor:
    """Opens with the first request; `aclose` ends the calls that are still being answered."""

    guard = may_read

    def __init__(self, services: Services) -> None:
        settings = services.settings
        self._services = services
        self._callers = KnownCallers(settings.cors_origins, settings.host)
        self._closing = asyncio.Event()
        self._opening: asyncio.Future[ASGIApp] | None = None
        self._serving: asyncio.Task[None] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            self._callers.check(Headers(scope=scope))
            await self.guard(Request(scope))
        except LlmopsError as error:
            await as_json_rpc(error)(scope, receive, send)
            return
        if scope["method"] != "POST":
            await _post_only()(scope, receive, send)
            return
        await (await self._opened())(scope, receive, send)

    async def aclose(self) -> None:
        self._closing.set()
        if self._serving is not None:
            await asyncio.wait([self._serving])

    async def _opened(self) -> ASGIApp:
        """What serves requests; a caller that hangs up while it is being opened keeps no other from it."""
        if self._opening is None:
            self._opening = asyncio.get_running_loop().create_future()
            self._serving = asyncio.create_task(self._serve(self._opening))
        return await asyncio.shield(self._opening)

    async def _serve(self, opening: asyncio.Future[ASGIApp]) -> None:
        """The tasks of the SDK belong to the one that entered its context, so this one stays until the end."""
        try:
            manager = await asyncio.to_thread(_build, self._services)
        except Exception as error:  # noqa: BLE001  # handed to those who wait for it
            opening.set_exception(error)
            return
        async with manager.run():
            opening.set_result(manager.handle_request)
            await self._closing.wait()


def _build(services: Services) -> StreamableHTTPSessionManager:
    from mcp.server.streamable_http_manager import StreamableHTTPSessionManager

    from app.api.bodies import MAX_BYTES
    from app.api.mcp.local import LocalSource
    from app.api.mcp.server import build_server

    server = build_server(LocalSource(services, lambda context: caller_of(cast(Request, context.request))))
    return StreamableHTTPSessionManager(server, stateless=True, max_request_body_size=MAX_BYTES)


def _post_only() -> ASGIApp:
    detail = "There are no sessions and no messages outside of an answer; only POST is served"
    return problem(
        405,
        code="method_not_allowed",
        title="Method Not Allowed",
        detail=detail,
        headers={"allow": "POST"},
    )


class _Endpoint:
    """Finds the door that the lifespan has put on the application; a function would be served GET alone."""

    guard = McpDoor.guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await cast(McpDoor, scope["app"].state.mcp)(scope, receive, send)


def add_mcp_route(app: FastAPI) -> None:
    """Register `/mcp`, behind every middleware of the application; it stands in no OpenAPI document."""
    for path in _PATHS:
        app.router.routes.append(Route(path, _Endpoint(), include_in_schema=False))
