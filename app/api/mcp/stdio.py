"""The Model Context Protocol over standard input and output, for clients that start their servers themselves."""

from __future__ import annotations

from typing import Any

from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from app.api.mcp.local import LocalSource
from app.api.mcp.remote import RemoteSource
from app.api.mcp.server import build_server
from app.api.services import Services


async def serve_services(services: Services) -> None:
    """Answer from this process until standard input ends."""
    await _serve(build_server(LocalSource(services)))


async def serve_remote(url: str) -> None:
    """Answer from the server at `url` until standard input ends."""
    await _serve(build_server(RemoteSource(url)))


async def _serve(server: Server[Any]) -> None:
    async with stdio_server() as (requests, answers):
        await server.run(requests, answers, server.create_initialization_options())
