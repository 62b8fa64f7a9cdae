"""How large the bodies of requests may be, and how those in JSON are read.

A body of JSON is read and checked on the event loop, where everybody waits for it: 16 MiB of `[],` would take two
seconds and half a gigabyte. So it has to be small, or to consist of long texts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.asgi import HttpMiddleware
from app.api.problems import from_error
from app.errors import BodyTooLarge, InvalidRequest
from app.surrogates import replace_in_json

MEBIBYTE = 1024 * 1024
MAX_BYTES = MEBIBYTE
"""Of any body but texts and files: a question has 8,000 characters, a list of documents 1,000 ids."""
MAX_TEXTS_BYTES = 16 * MEBIBYTE
"""Of the texts sent to `/index` and the questions sent to `/ask/batch`; a longer text is a file for `/upload`."""
_FILES = ("/upload", "/upload_pdf")

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+"', re.DOTALL)
_MAX_STRUCTURE_BYTES = MEBIBYTE
_HALF_CHARACTER = re.compile(rb"\\u[dD][89a-fA-F]")


class BodyLimit(HttpMiddleware):
    """Refuses a body over the limit: at once when its length is announced, else as soon as it has grown too long.

    FastAPI's own limit would answer the first case in plain text, whatever handlers there are.
    """

    def __init__(self, app: ASGIApp, max_upload_bytes: int) -> None:
        super().__init__(app)
        texts = min(MAX_TEXTS_BYTES, max_upload_bytes)
        self._limits = dict.fromkeys(_FILES, max_upload_bytes) | {"/index": texts, "/ask/batch": texts}

    async def serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = scope["path"].removeprefix(scope.get("root_path", ""))
        limit = self._limits.get(path.rstrip("/"), MAX_BYTES)
        explanation = f"The body is too large; at most {limit} bytes are accepted"
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > limit:
            # Nobody will read what the client goes on sending, so nothing can follow on this connection.
            await from_error(BodyTooLarge(explanation), {"connection": "close"})(scope, receive, send)
            return
        received = 0

        async def count() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > limit:
                # The one kind of exception that FastAPI lets through while it parses a body.
                raise HTTPException(BodyTooLarge.status, explanation)
            return message

        await self._app(scope, count, send)


class JsonRequest(Request):
    """A request whose JSON is strict UTF-8, of moderate structure and without half characters."""

    async def json(self) -> Any:
        """The body's value.

        Raises:
            HTTPException: with the status of `InvalidRequest`, the one kind of exception that FastAPI lets through.
        """
        if not hasattr(self, "_json"):
            try:
                self._json = parse_json(await self.body())
            except InvalidRequest as error:
                raise HTTPException(error.status, error.detail) from None
        return self._json


class JsonRoute(APIRoute):
    """A route that takes JSON: what cannot be read is a 422 that says why, whatever is wrong with it."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def handle_json(request: Request) -> Response:
            return await handle(JsonRequest(request.scope, request.receive))

        return handle_json


def parse_json(body: bytes) -> Any:
    """Raises `InvalidRequest`."""
    if len(body) > _MAX_STRUCTURE_BYTES and len(_STRING.sub(b"", body)) > _MAX_STRUCTURE_BYTES:
        raise InvalidRequest(f"body: more than {_MAX_STRUCTURE_BYTES} bytes beside the texts in it")
    try:
        value = json.loads(body.decode(json.detect_encoding(body)))
        return replace_in_json(value) if _HALF_CHARACTER.search(body) else value
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"body: not valid UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise InvalidRequest(f"body: not valid JSON at character {error.pos}") from None
    except RecursionError:
        raise InvalidRequest("body: is nested too deeply") from None
    except ValueError as error:  # an integer of thousands of digits
        raise InvalidRequest(f"body: {error}") from None
