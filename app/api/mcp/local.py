"""Results of tools and resources from the services of this process."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from logging import getLogger
from time import perf_counter
from typing import Any

import mcp_types as wire
from pydantic import ValidationError

from app.api.disconnects import in_own_task
from app.api.mcp import resources
from app.api.mcp.readable import address
from app.api.mcp.server import PLAIN_TEXT, Context
from app.api.mcp.tools import Tool
from app.api.problems import explain_validation
from app.api.services import Services
from app.errors import InvalidRequest, LlmopsError
from app.principal import Principal
from app.schemas import Wire
from app.surrogates import replace_in_json

log = getLogger("llmops.api")


@dataclass
class _Steps:
    """Tells a client that asked for it what is being done; `progress` has to grow, so it counts what was told."""

    context: Context
    told: int = 0

    async def report(self, message: str) -> None:
        self.told += 1
        await self.context.session.report_progress(self.told, message=message)


class LocalSource:
    """`caller_in` tells who sends a request."""

    def __init__(self, services: Services, caller_in: Callable[[Context], Principal]) -> None:
        self._services = services
        self._caller_in = caller_in

    async def call(
        self, tool: Tool[Any, Any], arguments: dict[str, Any], context: Context
    ) -> wire.CallToolResult:
        started, outcome = perf_counter(), "cancelled"
        try:
            checked, report = _checked(tool, arguments), _Steps(context).report
            result: Wire = await in_own_task(
                tool.call(self._services, self._caller_in(context), checked, report)
            )
            outcome = "ok"
            content: list[wire.ContentBlock] = [wire.TextContent(text=tool.read(result))]
            return wire.CallToolResult(content=content, structured_content=result.model_dump(mode="json"))
        except LlmopsError as error:
            outcome = error.code
            raise
        except Exception:
            outcome = LlmopsError.code
            raise
        finally:
            elapsed = round((perf_counter() - started) * 1000, 1)
            log.info("tool_called", extra={"tool": tool.name, "outcome": outcome, "ms": elapsed})

    async def list_resources(self, cursor: str | None, context: Context) -> wire.ListResourcesResult:
        found, following = await resources.list_page(self._services, self._caller_in(context), cursor)
        listed = [
            wire.Resource(uri=address(info.document_id), name=info.name, mime_type=PLAIN_TEXT)
            for info in found
        ]
        return wire.ListResourcesResult(resources=listed, next_cursor=following)

    async def read_resource(self, uri: str, context: Context) -> wire.ReadResourceResult:
        text = await resources.read(self._services, self._caller_in(context), uri)
        contents = wire.TextResourceContents(uri=uri, mime_type=PLAIN_TEXT, text=text)
        return wire.ReadResourceResult(contents=[contents])


def _checked(tool: Tool[Any, Any], arguments: dict[str, Any]) -> Wire:
    """Raises InvalidRequest."""
    try:
        checked: Wire = tool.arguments.model_validate(replace_in_json(arguments))
    except ValidationError as error:
        raise InvalidRequest(explain_validation(error.errors())) from None
    except ValueError as error:
        raise InvalidRequest(f"arguments: {error}") from None
    return checked
