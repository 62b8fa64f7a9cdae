"""The Model Context Protocol over standard input and output, for clients that start their servers themselves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from app.api.mcp.local import LocalSource
from app.api.mcp.remote import RemoteSource
from app.api.mcp.server import build_server
from app.api.services import Services
from app.principal import LOCAL


async def serve_services(services: Services) -> None:
    """Answer from this process until standard input ends."""
    await _serve(build_server(LocalSource(services, lambda _: LOCAL)))


async def serve_remote(url: str, headers: Mapping[str, str]) -> None:
    """Answer from the server at `url`, which is sent these headers, until standard input ends."""
    await _serve(build_server(RemoteSource(url, headers)))


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (requests, answers):
        await server.run(requests, answers, server.create_initialization_options())
