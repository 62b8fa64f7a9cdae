"""Whoever sends a body more slowly than he may is told so and loses his connection; a large upload may take long."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import httpx
import pytest
from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope, Send

from app.api.slow_bodies import SLOWEST_BYTES_PER_S, BodyTimeout
from tests.live import make_settings, running

TIMEOUT_S = 0.6
LONGEST_S = 20.0
LOOKS = "content-type: application/json"
DOORS = ["/ask", "/index", "/upload", "/agent/invoke", "/chat/stream", "/v1/chat/completions"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    settings = make_settings(tmp_path_factory.mktemp("slow"), body_timeout_s=TIMEOUT_S)
    with running(settings) as client:
        yield client


@contextmanager
def connected(server: httpx.Client) -> Iterator[socket.socket]:
    with socket.create_connection((server.base_url.host, server.base_url.port), timeout=LONGEST_S) as line:
        yield line


def head(path: str, *fields: str, method: str = "POST") -> bytes:
    return "\r\n".join([f"{method} {path} HTTP/1.1", "host: localhost", *fields, "", ""]).encode()


def read_to_end(line: socket.socket) -> str:
    """What is said until the server closes the connection; raises TimeoutError when it does not.

    A server that closes while a byte waits unread resets the connection, behind what it said.
    """
    said = b""
    with suppress(ConnectionResetError):
        while piece := line.recv(65_536):
            said += piece
    return said.decode()


def trickle(line: socket.socket, every_s: float) -> None:
    """Send a byte at a time until nobody takes any more."""
    end = time.monotonic() + LONGEST_S
    try:
        while time.monotonic() < end:
            line.sendall(b" ")
            line.settimeout(every_s)
            try:
                if line.recv(1, socket.MSG_PEEK) is not None:
                    break
            except TimeoutError:
                continue
    finally:
        line.settimeout(LONGEST_S)


@pytest.mark.parametrize("framing", ["content-length: 500", "transfer-encoding: chunked"])
@pytest.mark.parametrize("path", DOORS)
def test_who_announces_a_body_and_sends_none_is_told_so(
    server: httpx.Client, path: str, framing: str
) -> None:
    looks = "content-type: multipart/form-data; boundary=x" if path == "/upload" else LOOKS
    with connected(server) as line:
        line.sendall(head(path, looks, framing))
        said = read_to_end(line)
    assert said.startswith("HTTP/1.1 408")
    assert '"code":"slow_body"' in said
    assert "connection: close" in said.lower()


def test_an_mcp_client_that_sends_nothing_loses_its_connection(server: httpx.Client) -> None:
    fields = ("accept: application/json, text/event-stream", "mcp-protocol-version: 2025-06-18")
    with connected(server) as line:
        line.sendall(head("/mcp", LOOKS, *fields, "content-length: 500"))
        assert read_to_end(line).startswith("HTTP/1.1 408")


def test_a_byte_now_and_then_is_not_enough(server: httpx.Client) -> None:
    started = time.monotonic()
    with connected(server) as line:
        line.sendall(head("/ask", LOOKS, "content-length: 100000"))
        trickle(line, every_s=TIMEOUT_S / 6)
        assert read_to_end(line).startswith("HTTP/1.1 408")
    assert time.monotonic() - started < LONGEST_S / 2


def test_an_honest_upload_may_take_many_times_as_long(server: httpx.Client) -> None:
    """At twice the slowest pace that is allowed, with pauses."""
    pause_s = TIMEOUT_S / 2
    piece = b"word " * int(SLOWEST_BYTES_PER_S * pause_s * 2 / 5)
    pieces = 10
    start = b'--x\r\ncontent-disposition: form-data; name="files"; filename="slow.txt"\r\n\r\n'
    end = b"\r\n--x--\r\n"
    length = len(start) + pieces * len(piece) + len(end)
    began = time.monotonic()
    with connected(server) as line:
        fields = (
            "content-type: multipart/form-data; boundary=x",
            f"content-length: {length}",
            "connection: close",
        )
        line.sendall(head("/upload?wait=true", *fields) + start)
        for _ in range(pieces):
            line.sendall(piece)
            time.sleep(pause_s)
        line.sendall(end)
        said = read_to_end(line)
    assert time.monotonic() - began > 4 * TIMEOUT_S
    assert said.startswith("HTTP/1.1 200"), said
    assert '"status":"indexed"' in said


async def waited_for(*, started: bool, more_body: bool) -> Message | None:
    """What an application gets that waits after the first piece of a body and, perhaps, the start of its answer."""
    messages: asyncio.Queue[Message] = asyncio.Queue()
    messages.put_nowait({"type": "http.request", "body": b"x", "more_body": more_body})
    found: list[Message] = []

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        if started:
            await send({"type": "http.response.start", "status": 200, "headers": []})
        with suppress(TimeoutError):
            found.append(await asyncio.wait_for(receive(), 0.5))

    async def ignore(_: Message) -> None: ...

    await BodyTimeout(application, 0.1)({"type": "http"}, messages.get, ignore)
    return found[0] if found else None


async def test_who_has_sent_everything_is_not_hurried() -> None:
    """To wait for the caller to hang up is no waiting for a body."""
    assert await waited_for(started=True, more_body=False) is None


async def test_who_is_being_answered_counts_as_gone() -> None:
    assert await waited_for(started=True, more_body=True) == {"type": "http.disconnect"}
    with pytest.raises(HTTPException, match="too slowly"):
        await waited_for(started=False, more_body=True)
