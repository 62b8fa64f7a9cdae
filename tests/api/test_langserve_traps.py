"""What LangServe in front of LangGraph is known to break, each held off."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from fastapi import Request
from langserve.lzstring import LZString

from app.api.langserve_runnables import AgentRunnable
from app.errors import ThreadBusy
from app.principal import LOCAL
from app.runs import Runner, RunRequest
from tests.live import make_settings, running
from tests.mcp_clients import becomes_true
from tests.stub_openai import StubOpenAI

QUESTION = {"question": "What is the notice period of an employee?"}
TAGS_OF_LANGCHAIN = {"ai", "human", "system", "tool", "function", "chat", "Document", "constructor"}
ROUTES = pytest.mark.parametrize("path", ["/agent", "/qa", "/research", "/summarize", "/chat"])


def events(server: httpx.Client, path: str, body: dict[str, Any]) -> list[Any]:
    lines = server.post(path, json=body).text.splitlines()
    seen = [json.loads(line[6:]) for line in lines if line.startswith("data: {")]
    return [event for event in seen if event.keys() != {"run_id"}]  # what LangServe says itself


def test_a_thread_is_kept_below_a_config_hash(server: httpx.Client) -> None:
    config = json.dumps({"configurable": {"thread_id": "hashed"}})
    hashed = LZString.compressToEncodedURIComponent(config)

    answer = server.post(f"/qa/c/{hashed}/invoke", json={"input": QUESTION}).json()["output"]
    streamed = events(server, f"/qa/c/{hashed}/stream", {"input": QUESTION})

    assert answer["thread_id"] == streamed[-1]["thread_id"] == "hashed"
    assert len(server.get("/threads/hashed").json()["turns"]) == 2


def test_undeclared_configuration_has_no_effect(server: httpx.Client) -> None:
    configurable = {"thread_id": "declared", "caller": "me", "checkpoint_ns": "other", "checkpoint_id": "x"}
    body = {"input": QUESTION, "config": {"configurable": configurable, "recursion_limit": 1}}

    assert server.post("/qa/invoke", json=body).json()["output"]["thread_id"] == "declared"
    assert events(server, "/qa/stream", body)[-1]["type"] == "final"


def test_a_stream_mode_of_the_client_has_no_effect(server: httpx.Client) -> None:
    body = {"input": QUESTION, "kwargs": {"stream_mode": "values"}}

    assert {"run", "token", "final"} <= {event["type"] for event in events(server, "/qa/stream", body)}


def test_no_event_is_taken_for_a_message_of_langchain(server: httpx.Client) -> None:
    body = {"input": {"question": "Compare the notice periods of the lease and of an employee"}}
    for event in events(server, "/research/stream", body):
        assert event["type"] not in TAGS_OF_LANGCHAIN
        assert isinstance(event["content"], str)
        assert not {"text", "messages"} & event.keys()


def test_inner_steps_are_not_shown(server: httpx.Client) -> None:
    """A fan-out of the graph would break these routes, and what its nodes hold is nobody's business."""
    body = {"input": {"question": "Compare the notice periods of the lease and of an employee"}}
    seen = events(server, "/research/stream_events", body)

    assert {event["name"] for event in seen} == {"/research"}
    assert "Send(" not in json.dumps(seen)


@ROUTES
def test_feedback_for_langsmith_is_not_taken(server: httpx.Client, path: str) -> None:
    assert server.post(f"{path}/token_feedback", json={"token_or_url": "x"}).status_code == 404


@ROUTES
@pytest.mark.parametrize("kind", ["input_schema", "output_schema", "config_schema"])
def test_schemas_are_described(server: httpx.Client, path: str, kind: str) -> None:
    schema = server.get(f"{path}/{kind}").json()

    assert schema["title"]
    if kind == "input_schema":
        fields = schema["properties"]
        assert all(field["title"] for field in fields.values())
        (first, *_) = fields.values()
        assert first["examples"]


def local_request() -> Request:
    """A request of who sits at this machine."""
    return Request({"type": "http", "state": {"principal": LOCAL}})


async def test_a_batch_may_also_return_its_failures() -> None:
    class Busy:
        async def resumed(self, *_: object) -> RunRequest:
            raise ThreadBusy("busy")

    runnable = AgentRunnable("qa", Busy)  # type: ignore[arg-type]
    resume = {"resume": {}, "question": ""}
    (failure,) = await runnable.abatch(
        [resume | {"resume": {"sub_questions": ["a"]}}],
        {"configurable": {"caller": local_request()}},
        return_exceptions=True,
    )
    assert isinstance(failure, ThreadBusy)


def test_after_an_unhandled_error_the_connection_serves_on(
    server: httpx.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    check = Runner.check

    def break_on_demand(runner: Runner, request: RunRequest) -> None:
        if request.question == "break":
            raise RuntimeError("nobody expects this")
        check(runner, request)

    monkeypatch.setattr(Runner, "check", break_on_demand)
    connections = set()
    with httpx.Client(base_url=server.base_url, limits=httpx.Limits(max_connections=1)) as client:
        for _ in range(100):
            for path, body in (
                ("/ask", {"question": "break"}),
                ("/qa/invoke", {"input": {"question": "break"}}),
            ):
                broken = client.post(path, json=body)
                assert (broken.status_code, broken.json()["code"]) == (500, "internal_error")
            following = client.get("/health/live")
            assert following.status_code == 200
            connections.add(following.extensions["network_stream"].get_extra_info("client_addr"))
    assert len(connections) == 1


@pytest.fixture
def stub() -> Iterator[StubOpenAI]:
    with StubOpenAI() as stub:
        yield stub


@pytest.fixture
def stalled(stub: StubOpenAI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A service whose model says one token and then nothing, for a minute."""
    settings = make_settings(
        tmp_path_factory.mktemp("stalled"),
        openai_api_key="sk-test-not-a-key",
        openai_base_url=stub.base_url,
        embedding_model="embedded:all-MiniLM-L6-v2",
        model_timeout_s=59,
        model_max_retries=0,
    )
    stub.mode = "stall"
    with running(settings) as server:
        server.post("/index", json={"documents": [{"text": "The rent is 14,200 euros."}]}).raise_for_status()
        yield server


async def test_two_hundred_clients_that_hang_up_leave_nothing_running(
    stalled: httpx.Client, stub: StubOpenAI
) -> None:
    at_once = asyncio.Semaphore(40)

    async def begin_and_leave(client: httpx.AsyncClient, number: int) -> None:
        config = {"configurable": {"thread_id": f"left-{number}"}}
        body = {"input": {"question": "How high is the rent?"}, "config": config}
        async with at_once, client.stream("POST", "/qa/stream", json=body) as response:
            async for line in response.aiter_lines():
                if '"token"' in line:
                    return

    async with httpx.AsyncClient(base_url=stalled.base_url, timeout=50) as client:
        await asyncio.gather(*(begin_and_leave(client, number) for number in range(200)))
        await becomes_true(lambda: len(stub.cancelled) == 200)
        assert [request.state for request in stub.requests] == ["cancelled"] * 200
        # A run that is still there has its thread: it could not be deleted.
        answers = [await client.delete(f"/threads/left-{number}") for number in range(200)]
    assert {answer.status_code for answer in answers} <= {204, 404}
