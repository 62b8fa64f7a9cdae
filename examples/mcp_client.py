"""Use the service's tools from another Python program, as an MCP client does.

Usage: python examples/mcp_client.py [URL]        (needs: pip install "mcp>=2.3")

Nothing of the service's own code is imported here.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any

from mcp import Client

DEFAULT_URL = "http://127.0.0.1:8000"


async def show_progress(progress: float, total: float | None, message: str | None) -> None:  # noqa: ARG001
    print(f"  … {message}")


async def list_tools(client: Client) -> None:
    print("\n# tools")
    for tool in (await client.list_tools()).tools:
        print(f"  {tool.name}: {tool.title}")


async def ask(client: Client) -> None:
    """`structured_content` is the answer as REST gives it; `content` has the same as text."""
    print("\n# ask_documents")
    arguments = {"question": "How many days of paid holiday do full-time employees have?"}
    result = await client.call_tool("ask_documents", arguments, progress_callback=show_progress)
    answer: dict[str, Any] = result.structured_content
    print(f"  {answer['answer']}")
    for citation in answer["citations"]:
        start, end = citation["char_start"], citation["char_end"]
        stored = await client.read_resource(f"document://{citation['document_id']}?start={start}&end={end}")
        is_literal = stored.contents[0].model_dump()["text"] == citation["quote"]
        mark = "stands there" if is_literal else "does not stand there"
        print(f"    [{citation['marker']}] {citation['document_name']}: {citation['quote']!r} ({mark})")


async def meet_an_error(client: Client) -> None:
    """A call that fails is a result with `is_error`; its text begins with a stable code."""
    print("\n# an error")
    result = await client.call_tool("summarize_document", {"document_id": "nope"})
    print(f"  {result.is_error}: {result.model_dump()['content'][0]['text']}")


async def main(url: str = DEFAULT_URL) -> None:
    async with Client(f"{url.rstrip('/')}/mcp") as client:
        for step in (list_tools, ask, meet_an_error):
            await step(client)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:2]))
