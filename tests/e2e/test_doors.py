"""One question through every door of the service: the citations are the same."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest

from llmops_client import Llmops
from tests.live import remote
from tests.mcp_clients import over_http

QUESTIONS = (
    "How many days of paid holiday do full-time employees have?",
    "When was Larkfield Instruments founded?",
    "Compare the notice periods during and after probation",
    "Summarise the employee handbook",
)
Citations = list[dict[str, Any]]
Door = Callable[[httpx.Client, str], Citations]


def by_ask(service: httpx.Client, question: str) -> Citations:
    citations: Citations = service.post("/ask", json={"question": question}).json()["citations"]
    return citations


def by_batch(service: httpx.Client, question: str) -> Citations:
    body = {"questions": [question]}
    (answer,) = service.post("/ask/batch", params={"wait": "true"}, json=body).json()["answers"]
    citations: Citations = answer["citations"]
    return citations


def by_invoke(service: httpx.Client, question: str) -> Citations:
    with remote(service, "agent") as agent:
        citations: Citations = agent.invoke({"question": question})["citations"]
    return citations


def by_events(service: httpx.Client, question: str) -> Citations:
    """Those that came one by one, which are also those of the last event."""
    with remote(service, "agent") as agent:
        events: list[dict[str, Any]] = list(agent.stream({"question": question}))
    came = [event for event in events if event["type"] == "citation"]
    citations: Citations = events[-1]["citations"]
    assert [
        {name: event[name] for name in cited} for event, cited in zip(came, citations, strict=True)
    ] == citations
    return citations


def by_completion(service: httpx.Client, question: str) -> Citations:
    body = {"model": "agent", "messages": [{"role": "user", "content": question}]}
    completion = service.post("/v1/chat/completions", json=body).json()
    citations: Citations = completion["choices"][0]["message"]["citations"]
    return citations


def by_chunks(service: httpx.Client, question: str) -> Citations:
    body = {"model": "agent", "messages": [{"role": "user", "content": question}], "stream": True}
    lines = service.post("/v1/chat/completions", json=body).text.splitlines()
    chunks = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    deltas = [choice["delta"] for chunk in chunks for choice in chunk["choices"]]
    (citations,) = [delta["citations"] for delta in deltas if delta.get("citations")]
    found: Citations = citations
    return found


def by_mcp(service: httpx.Client, question: str) -> Citations:
    async def call() -> Citations:
        async with over_http(service) as client:
            result = await client.call_tool("ask_documents", {"question": question})
        citations: Citations = (result.structured_content or {})["citations"]
        return citations

    return anyio.run(call)


def by_python_client(service: httpx.Client, question: str) -> Citations:
    with Llmops(str(service.base_url)) as client:
        return [citation.model_dump(mode="json") for citation in client.ask(question).citations]


def by_command(service: httpx.Client, question: str) -> Citations:
    finished = subprocess.run(
        [sys.executable, "-m", "app.cli", "ask", question, "--json", "--server", str(service.base_url)],
        capture_output=True,
        text=True,
        check=True,
        timeout=50,
    )
    citations: Citations = json.loads(finished.stdout)["citations"]
    return citations


@pytest.mark.parametrize("question", QUESTIONS)
@pytest.mark.parametrize(
    "door",
    [by_batch, by_invoke, by_events, by_completion, by_chunks, by_mcp, by_python_client, by_command],
)
def test_every_door_gives_the_same_citations(service: httpx.Client, door: Door, question: str) -> None:
    expected = by_ask(service, question)
    assert expected
    assert door(service, question) == expected
