"""`langgraph dev` serves the graphs of langgraph.json, and LangGraph's SDK talks to them.

The command comes from an environment of its own, whose path is in `LANGGRAPH_CLI`: what it needs is no part of the
project's. `.ci/run` makes one.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph_sdk import get_client

pytestmark = pytest.mark.langgraph

GRAPHS = {"agent", "qa", "research", "summarize"}
READY_WITHIN_S = 90
DOCUMENT = "The monthly rent of the Bremen warehouse is 14,200 euros. It is due on the third working day."


def environment_of(tmp_path: Path) -> dict[str, str]:
    return os.environ | {
        "LLMOPS_DATA_DIR": str(tmp_path / "data"),
        "LLMOPS_LOG_DIR": str(tmp_path / "logs"),
        "USE_DEMO_MODE": "true",
    }


@pytest.fixture
def url(root: Path, tmp_path: Path) -> Iterator[str]:
    environment = environment_of(tmp_path)
    file = tmp_path / "lease.txt"
    file.write_text(DOCUMENT, encoding="utf-8")
    index = [sys.executable, "-m", "app.cli", "index", str(file)]
    subprocess.run(index, cwd=root, env=environment, check=True)
    with serving(root, environment, tmp_path / "dev.log") as url:
        yield url


def asked(root: Path, tmp_path: Path, question: str) -> Any:
    """What `llmops ask` answers from the same documents."""
    command = [sys.executable, "-m", "app.cli", "ask", question, "--agent", "qa", "--json"]
    finished = subprocess.run(
        command, cwd=root, env=environment_of(tmp_path), check=True, capture_output=True
    )
    return json.loads(finished.stdout)


async def test_the_sdk_holds_a_conversation(url: str, root: Path, tmp_path: Path) -> None:
    async with get_client(url=url) as client:
        found = await client.assistants.search(limit=20)
        assert {assistant["graph_id"] for assistant in found} == GRAPHS
        thread_id = (await client.threads.create())["thread_id"]
        question = {"question": "How much is the monthly rent?", "mode": "demo"}
        parts = [
            (part.event, part.data)
            async for part in client.runs.stream(
                thread_id, "qa", input=question, stream_mode=["custom", "values"]
            )
        ]
        kinds = {data["type"] for event, data in parts if event == "custom"}
        assert {"run", "route", "token", "citation", "final"} <= kinds
        answer = parts[-1][1]["answer"]
        assert "14,200" in answer["answer"]
        assert answer["citations"][0]["verified"]
        assert answer["citations"] == asked(root, tmp_path, question["question"])["citations"]
        followed: Any = await client.runs.wait(
            thread_id, "agent", input={"question": "And when is it due?", "mode": "demo"}
        )
        assert "third working day" in followed["answer"]["answer"]
        state: Any = await client.threads.get_state(thread_id)
        assert len(state["values"]["turns"]) == 2
        refused: Any = await client.runs.wait(
            None, "qa", input=question | {"collection": "nowhere"}, raise_error=False
        )
        assert "UnknownCollection" in str(refused)


@contextmanager
def serving(root: Path, environment: dict[str, str], log: Path) -> Iterator[str]:
    """`langgraph dev` on a free port, ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = ["--no-browser", "--no-reload", "--host", "127.0.0.1", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            [os.environ["LANGGRAPH_CLI"], "dev", *options],
            cwd=root,
            env=environment,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_until_ready(url, process)
        yield url
    finally:
        process.terminate()
        process.wait(timeout=30)
        print(log.read_text(encoding="utf-8", errors="replace")[-4_000:])


def wait_until_ready(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + READY_WITHIN_S
    while process.poll() is None and time.monotonic() < deadline:
        try:
            if httpx.get(f"{url}/ok").status_code == 200:
                return
        except httpx.TransportError:
            time.sleep(0.2)
    raise AssertionError("langgraph dev did not become ready")
