"""Clients in JavaScript: the one in examples/, and LangChain's RemoteRunnable.

Run with `pytest -m node`; it needs Node 20 and what `npm ci --prefix tests/e2e/node` installs.
"""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.broken_http import DONE, JOB, answering, events, hang_up, reply

pytestmark = pytest.mark.node


def run_node(script: Path, url: httpx.URL) -> str:
    finished = subprocess.run(
        ["node", str(script), str(url).rstrip("/")], capture_output=True, text=True, timeout=100, check=False
    )
    assert finished.returncode == 0, finished.stderr
    return finished.stdout


def test_the_javascript_example_runs(service: httpx.Client, root: Path) -> None:
    said = run_node(root / "examples/javascript_client.mjs", service.base_url)
    assert "done: 1 of 1" in said
    assert "example-lease.txt: indexed" in said
    assert "14,200 euros. [1]\n  [1] example-lease.txt (verified)" in said
    assert "> And when is it due?" in said
    assert "third working day" in said.partition("> And when")[2]
    assert "2 turns are remembered" in said
    planned, _, resumed = said.partition("planned: ")[2].partition("\n")
    assert planned
    assert resumed.startswith("  research: ")
    assert "14,200" in resumed.partition("\n")[0]
    assert "refused with 422 invalid_request" in said
    assert "AbortError" in said
    assert "# deleted" in said


def test_ten_turns_by_langchains_remote_runnable(service: httpx.Client, root: Path) -> None:
    said = run_node(root / "tests/e2e/node/conversation.mjs", service.base_url)
    turns: list[dict[str, Any]] = [json.loads(line) for line in said.splitlines()]
    assert len(turns) == 11
    holidays, notice, probation, discount, rome, summary, compared, both, wrong, again, last = turns
    assert "28" in holidays["answer"]
    assert holidays["citations"][0]["verified"]
    same = service.post("/ask", json={"question": holidays["question"]}).json()
    assert holidays["citations"] == same["citations"]
    for streamed in (notice, probation, summary):
        assert (streamed["type"], streamed["same"]) == ("final", True)
        assert streamed["tokens"] >= 3
    assert "week" in probation["answer"]
    assert discount["answer"]
    assert rome["refused"]
    assert summary["agent"] == "summarize"
    assert "## " in compared["answer"]
    assert len(both["answers"]) == 2
    assert "422" in wrong["error"] or "must not be empty" in wrong["error"]
    assert again["answer"] == holidays["answer"]
    assert last["thread"]["turns"][0]["question"] == holidays["question"]
    assert len(last["thread"]["turns"]) == 8


def test_the_javascript_client_follows_a_job_across_broken_connections(root: Path, tmp_path: Path) -> None:
    script = tmp_path / "follow.mjs"
    script.write_text(
        f"import {{ Llmops }} from {json.dumps((root / 'examples/llmops.mjs').as_uri())};\n"
        "for await (const job of new Llmops(process.argv[2]).job('1')) console.log(job.state);\n",
        "utf-8",
    )
    broken = events(("a", "job", JOB), missing=9)
    with answering(broken, hang_up, events(("b", "job", DONE))) as (url, asked):
        assert run_node(script, httpx.URL(url)).split() == ["running", "done"]
        assert [request.headers.get("Last-Event-ID") for request in asked] == [None, "a", "a"]


@pytest.mark.parametrize(
    ("body", "code"), [('{"code": "unknown_job", "detail": "none"}', "unknown_job"), ("null", "unknown")]
)
def test_the_javascript_client_gives_a_job_up_that_is_refused(
    root: Path, tmp_path: Path, body: str, code: str
) -> None:
    script = tmp_path / "follow.mjs"
    script.write_text(
        f"import {{ Llmops }} from {json.dumps((root / 'examples/llmops.mjs').as_uri())};\n"
        "try { for await (const job of new Llmops(process.argv[2]).job('1')); }\n"
        "catch (error) { console.log(error.name, error.status, error.code); }\n",
        "utf-8",
    )
    with answering(reply(body, status=404)) as (url, asked):
        assert run_node(script, httpx.URL(url)).split() == ["LlmopsError", "404", code]
        assert len(asked) == 1
