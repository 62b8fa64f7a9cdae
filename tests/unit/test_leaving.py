"""A server that is told to stop, and callers that keep their connections."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from app.commands.leaving import LeavingServer

REQUEST = b"GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n"


async def answer(request: Request) -> PlainTextResponse:
    await asyncio.sleep(float(request.query_params.get("after", 0)))
    return PlainTextResponse("well")


@asynccontextmanager
async def serving() -> AsyncIterator[tuple[LeavingServer, int]]:
    """A server and its port; it has to be told to stop within the block."""
    config = uvicorn.Config(
        Starlette(routes=[Route("/", answer)]), host="127.0.0.1", port=0, log_config=None, lifespan="off"
    )
    server = LeavingServer(config)
    task = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    yield server, server.servers[0].sockets[0].getsockname()[1]
    assert server.should_exit
    await asyncio.wait_for(task, 10)


async def exchange(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: bytes = REQUEST
) -> bytes:
    writer.write(request)
    head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)
    assert await reader.readexactly(4) == b"well"
    return head.lower()


async def test_a_request_on_a_kept_connection_is_answered_and_the_caller_sent_away() -> None:
    async with serving() as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert b"connection: close" not in await exchange(reader, writer)
        server.should_exit = True
        await asyncio.sleep(0.3)  # the server has noticed it and waits
        assert b"connection: close" in await exchange(reader, writer)
        assert await reader.read() == b""
        writer.close()


async def test_new_connections_are_still_taken_for_a_moment() -> None:
    async with serving() as (server, port):
        _, kept = await asyncio.open_connection("127.0.0.1", port)
        server.should_exit = True
        await asyncio.sleep(0.3)
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        assert b"connection: close" in await exchange(reader, writer)
        writer.close()
        kept.close()


async def test_an_answer_that_takes_longer_is_given() -> None:
    async with serving() as (server, port):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        slow = asyncio.create_task(exchange(reader, writer, REQUEST.replace(b"/ ", b"/?after=2 ", 1)))
        await asyncio.sleep(0.1)
        server.should_exit = True
        assert b"connection: close" in await slow
        writer.close()


@pytest.mark.parametrize("kept", [0, 1])
async def test_nobody_keeps_it_for_long(kept: int) -> None:
    async with serving() as (server, port):
        connections = [await asyncio.open_connection("127.0.0.1", port) for _ in range(kept)]
        started = time.monotonic()
        server.should_exit = True
        while server.servers[0].is_serving():  # noqa: ASYNC110
            await asyncio.sleep(0.01)
        assert time.monotonic() - started < (2 if kept else 0.6)
        for _, writer in connections:
            writer.close()
