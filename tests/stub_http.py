"""The few ASGI messages that the stub of an OpenAI server exchanges with uvicorn."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine, MutableMapping
from typing import Any

Message = MutableMapping[str, Any]
Send = Callable[[Message], Coroutine[Any, Any, None]]
Receive = Callable[[], Coroutine[Any, Any, Message]]


async def read_json(receive: Receive) -> dict[str, Any]:
    body, more = b"", True
    while more:
        event = await receive()
        body, more = body + event.get("body", b""), event.get("more_body", False)
    parsed: dict[str, Any] = json.loads(body) if body else {}
    return parsed


async def send_json(send: Send, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
    await send_bytes(
        send, status, json.dumps(value).encode(), {"content-type": "application/json", **(headers or {})}
    )


async def send_bytes(send: Send, status: int, body: bytes, headers: dict[str, str]) -> None:
    await start_response(send, status, {"content-length": str(len(body)), **headers})
    await send({"type": "http.response.body", "body": body})


async def start_response(send: Send, status: int, headers: dict[str, str]) -> None:
    pairs = [(name.encode(), value.encode()) for name, value in headers.items()]
    await send({"type": "http.response.start", "status": status, "headers": pairs})


async def send_event(send: Send, value: Any) -> None:
    event = b"data: " + json.dumps(value).encode() + b"\n\n"
    await send({"type": "http.response.body", "body": event, "more_body": True})
