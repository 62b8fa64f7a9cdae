"""Refuses who may not do what a route does before anything of his request's body is read."""

from __future__ import annotations

import re
from functools import cached_property
from typing import Final, cast

from fastapi import FastAPI
from fastapi.routing import iter_route_contexts
from starlette.routing import compile_path
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as AsgiScope

from app.api.asgi import HttpMiddleware
from app.api.audit_routes import guard_of
from app.api.auth import require_scope
from app.api.refusals import refusal
from app.errors import Forbidden
from app.principal import SCOPES, Principal, Scope

_ALL: Final = frozenset(SCOPES)


class EarlyGuards(HttpMiddleware):
    """FastAPI reads a body before it asks a route's guard, which asks again here; who may do everything is not kept."""

    def __init__(self, app: ASGIApp, routes_of: FastAPI) -> None:
        super().__init__(app)
        self._application = routes_of

    async def serve(self, scope: AsgiScope, receive: Receive, send: Send) -> None:
        caller = cast("Principal | None", scope.get("state", {}).get("principal"))
        if caller is not None and caller.scopes != _ALL and (needed := self._needed(scope)) is not None:
            try:
                require_scope(caller, needed)
            except Forbidden as error:
                await refusal(scope["path"], error)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _needed(self, scope: AsgiScope) -> Scope | None:
        """What the route takes that will answer; None where none will, or one that is open to all."""
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        return next(
            (
                needed
                for methods, fits, needed in self._routes
                if scope["method"] in methods and fits.match(path)
            ),
            None,
        )

    @cached_property
    def _routes(self) -> list[tuple[frozenset[str], re.Pattern[str], Scope]]:
        """Once all of them are there, in the order in which they are tried."""
        guarded = ((route, guard_of(route)) for route in iter_route_contexts(self._application.routes))
        return [
            (frozenset(route.methods), compile_path(str(route.path))[0], guard.scope)
            for route, guard in guarded
            if guard is not None and route.methods
        ]
