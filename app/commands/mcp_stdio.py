"""`llmops mcp`: the documents for MCP clients, over standard input and output."""

from __future__ import annotations

import asyncio
import signal
import sys

from app.api.mcp.stdio import serve_remote, serve_services
from app.commands.remote import bearer, read_address
from app.logs import log_to
from app.settings import load_settings
from server import open_services


def serve(address: str | None) -> None:
    """Serve until the client closes standard input.

    Raises:
        InvalidRequest: `address` is none.
        ConfigurationError: the local data directory cannot be used.
    """
    settings = load_settings()
    log_to(sys.stderr, settings.log_level)
    # A thread waits for standard input and could not be woken: an interrupt ends the process as a termination does.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if address is None:
        asyncio.run(_serve_data_directory())
        return
    asyncio.run(serve_remote(read_address(address), bearer(settings.client_key)))


async def _serve_data_directory() -> None:
    async with open_services(load_settings()) as services:
        await serve_services(services)
