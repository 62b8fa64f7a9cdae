"""`llmops mcp`: the same tools in a process that an MCP client starts, alone or in front of a running server."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from mcp.shared.exceptions import MCPError

from app.api.mcp.tools import TOOLS
from app.schemas import Answer
from tests.api.conftest import HANDBOOK
from tests.live import make_settings, running
from tests.mcp_clients import MODES, Mode, Steps, becomes_true, error_of, over_stdio, text_of
from tests.stub_openai import StubOpenAI

QUESTION = "What is the notice period?"


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data directory with one document, that no server has open."""
    folder = tmp_path_factory.mktemp("stdio")
    with running(make_settings(folder)) as client:
        documents = [{"text": HANDBOOK, "name": "handbook.md"}]
        client.post("/index", json={"documents": documents}).raise_for_status()
    return folder / "data"


@pytest.mark.parametrize("mode", MODES)
async def test_the_data_directory_is_served_without_a_server(data_dir: Path, mode: Mode) -> None:
    steps = Steps()
    async with over_stdio(data_dir, mode=mode) as client:
        answered = await client.call_tool("ask_documents", {"question": QUESTION}, progress_callback=steps)
        refused = await client.call_tool("summarize_document", {"document_id": "nope"})
        (listed,) = (await client.list_resources()).resources
        (contents,) = (await client.read_resource(listed.uri)).contents
        side_by_side = await asyncio.gather(
            *(client.call_tool("search_documents", {"query": "holiday"}) for _ in range(10))
        )

    (citation,) = Answer.model_validate(answered.structured_content).citations
    assert citation.verified
    assert citation.quote in contents.model_dump()["text"]
    assert "Checking 1 quote" in [message for _, message in steps.told]
    assert error_of(refused) == "unknown_document"
    assert all("28 days" in text_of(result) for result in side_by_side)


async def test_a_running_server_is_served_through(server: httpx.Client, tmp_path: Path) -> None:
    steps = Steps()
    async with over_stdio(tmp_path / "unused", "--server", f"{server.base_url}") as client:
        answered = await client.call_tool(
            "ask_documents", {"question": "How high is the monthly rent?"}, progress_callback=steps
        )
        refused = await client.call_tool("list_documents", {"limit": 0})
        resources = (await client.list_resources()).resources
        with pytest.raises(MCPError) as unknown:
            await client.read_resource("document://nope")

    (citation,) = Answer.model_validate(answered.structured_content).citations
    assert (citation.document_name, citation.verified) == ("lease.txt", True)
    assert "Working as qa" in [message for _, message in steps.told]
    assert error_of(refused) == "invalid_request"
    assert {resource.name for resource in resources} >= {"handbook.md", "lease.txt"}
    assert unknown.value.data == {"code": "unknown_document", "uri": "document://nope"}
    assert not (tmp_path / "unused").exists()


async def test_a_server_may_come_and_go(data_dir: Path, tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    async with over_stdio(tmp_path, "--server", f"http://127.0.0.1:{port}/") as client:
        assert len((await client.list_tools()).tools) == len(TOOLS)
        before = await client.call_tool("list_documents", {})
        with running(make_settings(data_dir.parent), port):
            meanwhile = await client.call_tool("list_documents", {})
        after = await client.call_tool("list_documents", {})
        with pytest.raises(MCPError) as unread:
            await client.list_resources()

    assert "handbook.md" in text_of(meanwhile)
    assert error_of(before) == error_of(after) == "server_unreachable"
    assert f"http://127.0.0.1:{port}" in text_of(after)
    assert unread.value.data == {"code": "server_unreachable"}


async def test_an_address_that_is_none_of_ours_is_said_to_be_so(server: httpx.Client, tmp_path: Path) -> None:
    async with over_stdio(tmp_path, "--server", f"{server.base_url}/docs") as client:
        result = await client.call_tool("list_documents", {})

    assert error_of(result) == "server_unreachable"
    assert "/docs/mcp does not answer as this service does: Not Found" in text_of(result)


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("through_server", [False, True])
async def test_cancelling_a_call_stops_the_model(data_dir: Path, mode: Mode, through_server: bool) -> None:
    with StubOpenAI() as stub:
        stub.mode = "hang"
        model = {
            "OPENAI_API_KEY": "sk-test-not-a-key",
            "OPENAI_BASE_URL": stub.base_url,
            "LLMOPS_EMBEDDING_MODEL": "embedded:all-MiniLM-L6-v2",
        }
        settings = make_settings(
            data_dir.parent,
            openai_api_key="sk-test-not-a-key",
            openai_base_url=stub.base_url,
            embedding_model="embedded:all-MiniLM-L6-v2",
        )
        with running(settings) as server:
            arguments = ("--server", str(server.base_url)) if through_server else ()
            async with over_stdio(data_dir, *arguments, mode=mode, **model) as client:
                call = asyncio.create_task(client.call_tool("ask_documents", {"question": QUESTION}))
                assert await becomes_true(lambda: stub.requests, within_s=15)
                call.cancel()
                assert await becomes_true(lambda: all(known.state == "cancelled" for known in stub.requests))
                assert not (await client.call_tool("list_documents", {})).is_error


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--server", "here:8000"], "--server: 'here:8000' must begin with"),
        (["--nonsense"], "No such option"),
    ],
)
def test_a_wrong_call_is_refused_before_anything_is_served(arguments: list[str], complaint: str) -> None:
    command = [sys.executable, "-m", "app.cli", "mcp", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, check=False, timeout=50)

    assert ended.returncode != 0
    assert complaint in ended.stderr
    assert ended.stdout == ""


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
def test_an_interrupt_ends_it_while_standard_input_is_open(data_dir: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "app.cli", "mcp", "--server", "http://127.0.0.1:9"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n')
        process.stdin.flush()
        assert b'"id":1' in process.stdout.readline()
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=10) != 0
