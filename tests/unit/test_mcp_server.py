"""What goes wrong where nobody expected it stays in the log."""

from __future__ import annotations

import logging
from typing import Any

import pytest
from mcp import Client
from mcp.shared.exceptions import MCPError

from app.api.mcp.server import Context, build_server
from app.errors import StorageUnavailable
from tests.mcp_clients import MODES, Mode, error_of, text_of

SECRET = "the password is swordfish"


class Failing:
    """A source on which everything fails in the same way."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def call(self, *_: Any) -> Any:
        raise self._error

    async def list_resources(self, cursor: str | None, context: Context) -> Any:
        raise self._error

    async def read_resource(self, uri: str, context: Context) -> Any:
        raise self._error


@pytest.mark.parametrize("mode", MODES)
async def test_the_text_of_an_unexpected_error_is_logged_and_not_sent(
    mode: Mode, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.ERROR, "llmops"):
        async with Client(build_server(Failing(RuntimeError(SECRET))), mode=mode) as client:
            called = await client.call_tool("list_documents", {})
            with pytest.raises(MCPError) as listing:
                await client.list_resources()
            with pytest.raises(MCPError) as reading:
                await client.read_resource("document://d1")

    assert error_of(called) == "internal_error"
    assert listing.value.data == {"code": "internal_error"}
    assert reading.value.data == {"code": "internal_error", "uri": "document://d1"}
    assert SECRET not in text_of(called) + listing.value.message + reading.value.message
    assert [record.getMessage() for record in caplog.records] == ["unhandled_exception"] * 3
    assert caplog.text.count(SECRET) == 3


@pytest.mark.parametrize("mode", MODES)
async def test_an_expected_error_is_sent_with_its_code(mode: Mode) -> None:
    async with Client(build_server(Failing(StorageUnavailable("The disk is full"))), mode=mode) as client:
        called = await client.call_tool("list_documents", {})
        with pytest.raises(MCPError, match="The disk is full") as listing:
            await client.list_resources()

    assert error_of(called) == "storage_unavailable"
    assert listing.value.data == {"code": "storage_unavailable"}
