"""The LangServe routes through their public client, and the traps of LangServe in front of LangGraph."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.runnables import RunnableConfig
from langserve import RemoteRunnable

from tests.live import make_settings, running

QUESTION = {"question": "How long is the notice period?"}


@pytest.fixture
def agent(server: httpx.Client) -> RemoteRunnable[Any, Any]:
    return RemoteRunnable(f"{server.base_url}/agent/", timeout=60)


@pytest.fixture
async def async_agent(server: httpx.Client) -> AsyncIterator[RemoteRunnable[Any, Any]]:
    """One for each event loop, closed in it: the client's connections belong to the loop that opened them."""
    agent: RemoteRunnable[Any, Any] = RemoteRunnable(f"{server.base_url}/agent/", timeout=60)
    yield agent
    await agent.async_client.aclose()


def on_thread(thread_id: str) -> RunnableConfig:
    return {"configurable": {"thread_id": thread_id}}


def check_final(answer: dict[str, Any]) -> None:
    assert answer["type"] == "final"
    assert "six weeks" in answer["answer"]
    assert answer["citations"][0]["verified"]


def test_invoke(agent: RemoteRunnable[Any, Any]) -> None:
    check_final(agent.invoke(QUESTION))


def test_batch_keeps_the_order(agent: RemoteRunnable[Any, Any]) -> None:
    answers = agent.batch([QUESTION, {"question": "How high is the monthly rent?"}])

    check_final(answers[0])
    assert "14,200" in answers[1]["answer"]


def test_batch_on_one_thread_is_a_conversation(agent: RemoteRunnable[Any, Any]) -> None:
    questions = [QUESTION, {"question": "And during probation?"}]
    answers = agent.batch(questions, config=on_thread("batched"))

    assert "two weeks" in answers[1]["answer"]


def check_events(events: list[dict[str, Any]]) -> None:
    kinds = [event["type"] for event in events]
    assert kinds[:2] == ["run", "route"]
    assert "token" in kinds
    assert kinds[-1] == "final"
    assert all(isinstance(event["content"], str) for event in events)
    final = events[-1]
    check_final(final)
    assert kinds.count("citation") == len(final["citations"])
    assert (events[0]["run_id"], events[0]["thread_id"]) == (final["run_id"], final["thread_id"])


def test_stream(agent: RemoteRunnable[Any, Any]) -> None:
    check_events(list(agent.stream(QUESTION)))


async def test_ainvoke(async_agent: RemoteRunnable[Any, Any]) -> None:
    check_final(await async_agent.ainvoke(QUESTION))


async def test_astream(async_agent: RemoteRunnable[Any, Any]) -> None:
    check_events([event async for event in async_agent.astream(QUESTION)])


async def test_two_streams_in_one_process_both_have_events(async_agent: RemoteRunnable[Any, Any]) -> None:
    for _ in range(2):
        check_events([event async for event in async_agent.astream(QUESTION)])


def test_two_turns_on_one_thread_are_remembered(
    agent: RemoteRunnable[Any, Any], server: httpx.Client
) -> None:
    config = on_thread("remembered")
    agent.invoke(QUESTION, config=config)
    follow_up = agent.invoke({"question": "And during probation?"}, config=config)

    assert follow_up["thread_id"] == "remembered"
    assert "two weeks" in follow_up["answer"]
    assert len(server.get("/threads/remembered").json()["turns"]) == 2


@pytest.mark.parametrize("name", ["qa", "research", "summarize"])
def test_each_agent_has_its_route(server: httpx.Client, name: str) -> None:
    agent: RemoteRunnable[Any, Any] = RemoteRunnable(f"{server.base_url}/{name}/", timeout=60)
    answer = agent.invoke({"question": "The notice period"})

    assert answer["agent"] == name


async def test_stream_log_shows_the_root_run_only(async_agent: RemoteRunnable[Any, Any]) -> None:
    patches = [patch async for patch in async_agent.astream_log(QUESTION)]
    operations = [operation for patch in patches for operation in patch.ops]

    assert any(operation["path"].startswith("/streamed_output") for operation in operations)
    assert not any(operation["path"].startswith("/logs/") for operation in operations)


def test_stream_events_ends_with_the_answer(server: httpx.Client) -> None:
    with server.stream("POST", "/agent/stream_events", json={"input": QUESTION}) as response:
        body = response.read().decode()

    assert "on_chain_end" in body
    assert "six weeks" in body


def test_an_error_in_a_stream_is_its_last_event(server: httpx.Client) -> None:
    agent: RemoteRunnable[Any, Any] = RemoteRunnable(f"{server.base_url}/agent/", timeout=60)
    events = list(agent.stream({"question": "Why?", "collection": "nowhere"}))

    assert (events[-1]["type"], events[-1]["code"]) == ("error", "unknown_collection")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/agent/invoke", {"input": {"question": ""}}),
        ("/agent/stream", {"input": {"question": " "}}),
        ("/agent/invoke", {"input": {}}),
        ("/agent/invoke", {"input": QUESTION, "config": None}),
        ("/agent/invoke", {"input": QUESTION, "config": {"configurable": {"thread_id": 7}}}),
        ("/agent/stream", {"input": QUESTION, "config": {"configurable": {"thread_id": "../a b"}}}),
        ("/agent/invoke", {}),
        ("/agent/batch", {"inputs": "no list"}),
        ("/agent/batch", {"inputs": [QUESTION, {"question": 1}]}),
        ("/agent/batch", {"inputs": [QUESTION], "config": [{}, {}]}),
        ("/agent/batch", {"inputs": [QUESTION] * 65}),
        ("/chat/invoke", {"input": {"messages": []}}),
        ("/chat/invoke", {"input": {"messages": [{"type": "ai", "content": "Hello"}]}}),
    ],
)
def test_a_malformed_body_is_a_422_before_anything_runs(
    server: httpx.Client, path: str, body: dict[str, Any]
) -> None:
    response = server.post(path, json=body)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request"), response.text


@pytest.mark.parametrize("path", ["/agent/invoke", "/agent/batch", "/agent/stream"])
def test_a_body_that_is_not_utf8_is_a_422(server: httpx.Client, path: str) -> None:
    response = server.post(
        path, content=b'{"input": "\xff\xfe"}', headers={"content-type": "application/json"}
    )

    assert response.status_code == 422


def test_an_unknown_agent_is_a_404(server: httpx.Client) -> None:
    response = server.post("/agent/invoke", json={"input": {"question": "Why?", "agent": "poet"}})

    assert (response.status_code, response.json()["code"]) == (404, "unknown_agent")


def test_the_chat_route_takes_the_history_along(server: httpx.Client) -> None:
    chat: RemoteRunnable[Any, Any] = RemoteRunnable(f"{server.base_url}/chat/", timeout=60)
    messages = [
        {"type": "human", "content": "How long is the notice period?"},
        # The playground sends the id of each run back.
        {"type": "ai", "content": "The notice period is six weeks. [1]", "runId": "0b6f"},
        {"type": "human", "content": "And during probation?"},
    ]

    answer = "".join(chat.stream({"messages": messages}))

    assert "two weeks" in answer
    assert "handbook.md" in answer


@pytest.mark.parametrize("path", ["/agent", "/qa", "/research", "/summarize", "/chat"])
def test_playgrounds_and_their_files_are_served(server: httpx.Client, path: str) -> None:
    page = server.get(f"{path}/playground/")

    assert page.status_code == 200
    script = page.text.split('src="')[1].split('"')[0]
    assert server.get(script if script.startswith("/") else f"{path}/playground/{script}").status_code == 200


def test_schemas_have_titles(server: httpx.Client) -> None:
    schema = server.get("/agent/input_schema").json()

    assert schema["properties"]["question"]["title"] == "Question"
    assert "thread_id" in str(server.get("/agent/config_schema").json())


@pytest.mark.parametrize("action", ["invoke", "stream", "stream_log", "stream_events"])
@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"type": "human", "content": " "}],
        [{"type": "human", "content": "x" * 8_001}],
        [{"type": "human", "content": "notice?"}, {"type": "ai", "content": "six weeks"}],
    ],
    ids=["none", "empty", "long", "not human"],
)
def test_a_chat_that_asks_nothing_is_a_422_before_anything_runs(
    server: httpx.Client, action: str, messages: list[dict[str, str]]
) -> None:
    response = server.post(f"/chat/{action}", json={"input": {"messages": messages}})

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def test_a_chat_that_fails_on_the_way_ends_its_stream_in_order(tmp_path: Path) -> None:
    chat = {"input": {"messages": [{"type": "human", "content": "notice?"}]}}
    with running(make_settings(tmp_path, request_timeout_s=0.0001)) as hurried:
        response = hurried.post("/chat/stream", json=chat)

    assert response.status_code == 200
    assert "No answer within" in response.text
    assert response.text.rstrip().endswith("event: end")


def test_as_many_documents_can_be_named_as_over_rest(server: httpx.Client) -> None:
    asked = {"question": "notice?", "document_ids": ["x"] * 1_001}
    refusals = [server.post("/agent/invoke", json={"input": asked}), server.post("/ask", json=asked)]

    assert [refusal.status_code for refusal in refusals] == [422, 422]
    assert server.post(
        "/agent/invoke", json={"input": {"question": "notice?", "document_ids": []}}
    ).is_success


@pytest.mark.parametrize("name", ["nope", "assets", "%00", "../../server.py"])
def test_a_file_that_a_playground_does_not_have_is_a_problem(server: httpx.Client, name: str) -> None:
    response = server.get(f"/agent/playground/{name}")

    assert (response.status_code, response.json()["code"]) == (404, "not_found")
