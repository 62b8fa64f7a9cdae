"""Lets nobody keep a connection, a place among the open requests and a task by sending a body byte after byte."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import Final

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.asgi import HttpMiddleware
from app.errors import SlowBody

SLOWEST_BYTES_PER_S: Final = 1024
"""An upload of a hundred megabytes may take a day; one over a bad telephone line is many times as fast."""


class BodyTimeout(HttpMiddleware):
    """Ends a request of whose body nothing comes for `timeout_s`, or whose body is slow for longer than that.

    Only the time that the server waits counts: a client is not to blame for a server that is busy. Headers are the
    business of the server in front, or of uvicorn.
    """

    def __init__(self, app: ASGIApp, timeout_s: float) -> None:
        super().__init__(app)
        self._timeout_s = timeout_s

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = _Body(receive, self._timeout_s)

        async def watch(message: Message) -> None:
            body.is_answered = body.is_answered or message["type"] == "http.response.start"
            await send(message)

        await self._app(scope, body.receive, watch)


class _Body:
    """What one client sends, and how long it has been waited for."""

    def __init__(self, receive: Receive, timeout_s: float) -> None:
        self._receive = receive
        self._timeout_s = timeout_s
        self._left_s = timeout_s
        self._is_complete = False
        self.is_answered = False

    async def receive(self) -> Message:
        """Raises HTTPException: the one kind of exception that FastAPI lets through while it parses a body."""
        if self._is_complete:
            return await self._receive()  # which waits until the client hangs up
        began = monotonic()
        try:
            message = await asyncio.wait_for(self._receive(), min(self._timeout_s, self._left_s))
        except TimeoutError:
            return self._give_up()
        self._left_s += len(message.get("body", b"")) / SLOWEST_BYTES_PER_S - (monotonic() - began)
        self._is_complete = not message.get("more_body", False)
        return message

    def _give_up(self) -> Message:
        """Whoever has his answer and goes on sending counts as one who has hung up."""
        if self.is_answered:
            return {"type": "http.disconnect"}
        raise HTTPException(
            SlowBody.status,
            f"The body was sent too slowly: nothing for {self._timeout_s:g} s, or less than "
            f"{SLOWEST_BYTES_PER_S} bytes/s for longer than that",
            {"connection": "close"},  # the rest of the body, if it ever comes, is no request
        )
