"""Results of tools and resources from the `/mcp` of a server that runs elsewhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, TypeVar

import mcp_types as wire
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared._httpx_utils import create_mcp_http_client
from mcp.shared.exceptions import MCPError
from mcp_types.version import LATEST_MODERN_VERSION

from app.api.mcp.server import Context
from app.api.mcp.tools import Tool
from app.errors import ServerUnreachable

T = TypeVar("T")


class RemoteSource:
    """A connection for each request: the server keeps nothing between two, and may be restarted meanwhile."""

    def __init__(self, url: str, headers: Mapping[str, str]) -> None:
        self._url = url
        self._headers = dict(headers)

    async def call(
        self, tool: Tool[Any, Any], arguments: dict[str, Any], context: Context
    ) -> wire.CallToolResult:
        report = context.session.report_progress
        return await self._with(
            lambda client: client.call_tool(tool.name, arguments, progress_callback=report)
        )

    async def list_resources(self, cursor: str | None, _: Context) -> wire.ListResourcesResult:
        return await self._with(lambda client: client.list_resources(cursor=cursor))

    async def read_resource(self, uri: str, _: Context) -> wire.ReadResourceResult:
        return await self._with(lambda client: client.read_resource(uri))

    async def _with(self, use: Callable[[Client], Awaitable[T]]) -> T:
        """Raises MCPError as the server did, or ServerUnreachable; the SDK's task group would hide both in a group."""
        try:
            async with (
                create_mcp_http_client(headers=self._headers) as http,
                Client(
                    streamable_http_client(f"{self._url}/mcp", http_client=http), mode=LATEST_MODERN_VERSION
                ) as client,
            ):
                try:
                    return await use(client)
                except MCPError as error:
                    refusal = error
        except ExceptionGroup as group:
            raise ServerUnreachable(f"No server answers at {self._url}: {_first(group)}") from group
        if not isinstance(refusal.data, dict) or "code" not in refusal.data:
            raise ServerUnreachable(f"{self._url}/mcp does not answer as this service does: {refusal}")
        raise refusal


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error
