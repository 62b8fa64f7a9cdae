"""The SDK's own client, connected to a server under test."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Literal

import anyio
import httpx
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp_types import CallToolResult, TextContent

from tests.postgres import database_url

Mode = Literal["auto", "legacy"]
MODES: list[Mode] = ["auto", "legacy"]
"""The protocol of 2026-07-28, and that of clients that still begin with `initialize`."""


@asynccontextmanager
async def over_http(server: httpx.Client, mode: Mode = "auto") -> AsyncIterator[Client]:
    async with Client(f"{server.base_url}/mcp", mode=mode) as client:
        yield client


@asynccontextmanager
async def over_stdio(
    data_dir: Path, *arguments: str, mode: Mode = "auto", **environment: str
) -> AsyncIterator[Client]:
    """`llmops mcp` in a process of its own, ended by closing its standard input."""
    own = {
        "LLMOPS_DATA_DIR": str(data_dir),
        "LLMOPS_DATABASE_URL": database_url(data_dir),
        "LLMOPS_LOG_DIR": str(data_dir.parent / "logs"),
    }
    command = StdioServerParameters(
        command=sys.executable,
        args=["-m", "app.cli", "mcp", *arguments],
        env={**os.environ, **own, **environment},
    )
    async with Client(command, mode=mode) as client:
        yield client


def text_of(result: CallToolResult) -> str:
    (content,) = result.content
    assert isinstance(content, TextContent)
    return content.text


def error_of(result: CallToolResult) -> str:
    """The code of a failed call, which its text begins with."""
    assert result.is_error
    assert result.structured_content is None
    code: str = (result.meta or {})["error"]["code"]
    assert text_of(result).startswith(f"{code}: ")
    return code


class Steps:
    """A progress callback that keeps what it is told."""

    def __init__(self) -> None:
        self.told: list[tuple[float, str]] = []

    async def __call__(self, progress: float, total: float | None, message: str | None) -> None:
        self.told.append((progress, message or ""))


async def becomes_true(condition: Callable[[], Any], within_s: float = 5.0) -> bool:
    deadline = time.monotonic() + within_s
    while not condition() and time.monotonic() < deadline:  # noqa: ASYNC110  # it happens in another thread
        await anyio.sleep(0.02)
    return bool(condition())
