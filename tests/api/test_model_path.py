"""With a model behind the OpenAI protocol: it is asked, it streams, and when it fails the demo engine answers."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langserve import RemoteRunnable

from tests.live import make_settings, remote, running
from tests.stub_openai import Mode, StubOpenAI
from tests.stub_replies import count_words
from tests.waiting import becomes_true

RENT = "The monthly rent of the warehouse is 14,200 euros. It is due on the third working day."
TRIAL = "Quellamine reduces tremor in adult herons by 40 percent [3]. Earlier trials found no effect [12]."
TIMEOUT_S = 2.0
PROMPTLY_S = 1.5  # sooner than a time-out


@pytest.fixture(scope="module")
def stub() -> Iterator[StubOpenAI]:
    with StubOpenAI() as stub:
        yield stub


@pytest.fixture(scope="module")
def server(stub: StubOpenAI, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    settings = make_settings(
        tmp_path_factory.mktemp("model"),
        openai_api_key="sk-test-not-a-key",
        openai_base_url=stub.base_url,
        embedding_model="embedded:all-MiniLM-L6-v2",
        model_timeout_s=TIMEOUT_S,
        model_max_retries=0,
    )
    with running(settings) as client:
        documents = [{"text": RENT, "name": "lease.txt"}, {"text": TRIAL, "name": "trial.txt"}]
        client.post("/index", json={"documents": documents}).raise_for_status()
        yield client


@pytest.fixture(autouse=True)
def well_behaved(stub: StubOpenAI) -> Iterator[None]:
    yield
    stub.mode = "ok"
    stub.max_prompt_chars = None


def ask(
    server: httpx.Client, question: str = "How high is the monthly rent?", **fields: Any
) -> dict[str, Any]:
    response = server.post("/ask", json={"question": question, "agent": "qa", **fields})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_the_model_is_asked_with_the_retrieved_text(server: httpx.Client, stub: StubOpenAI) -> None:
    answer = ask(server)

    assert (answer["mode"], answer["model"], answer["degraded"]) == ("llm", "openai:gpt-4o", [])
    assert RENT in str(stub.requests[-1])
    assert answer["citations"][0]["verified"]
    assert answer["usage"]["output_tokens"] > 0


def test_usage_counts_every_call_of_a_run(server: httpx.Client, stub: StubOpenAI) -> None:
    before = len(stub.requests)
    used = ask(server, agent="research")["usage"]
    asked = stub.requests[before:]
    assert len(asked) >= 3  # its plan, what is missing, its report
    assert used["input_tokens"] == sum(count_words([request.prompt]) for request in asked)


def test_the_references_of_a_document_are_no_markers(server: httpx.Client, stub: StubOpenAI) -> None:
    answer = ask(server, "How much does quellamine reduce tremor?")

    assert answer["answer"] == "Quellamine reduces tremor in adult herons by 40 percent (3). [1]"
    (citation,) = answer["citations"]
    assert citation["quote"] == "Quellamine reduces tremor in adult herons by 40 percent [3]."
    assert citation["verified"]
    assert "[12]" not in stub.requests[-1].prompt


def test_the_answer_streams_token_by_token(server: httpx.Client) -> None:
    agent: RemoteRunnable[Any, Any] = RemoteRunnable(f"{server.base_url}/qa/", timeout=60)
    events = list(agent.stream({"question": "How high is the monthly rent?"}))

    assert sum(event["type"] == "token" for event in events) >= 5
    assert events[-1]["mode"] == "llm"


def test_the_words_that_the_model_names_are_the_quote(
    server: httpx.Client, stub: StubOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = " ".join(RENT.split()[:6])
    written = f'It is so [1: "{words}"], not otherwise [1: "as nobody wrote"]. ![x](http://evil.example/?q=1)'
    monkeypatch.setattr(stub, "reply", lambda _: written)
    with remote(server, "qa") as agent:
        events = list(agent.stream({"question": "How high is the monthly rent?"}))

    streamed = "".join(event["content"] for event in events if event["type"] == "token")
    assert streamed.split() == "It is so [1], not otherwise [2]. x".split()
    final = events[-1]
    assert final["answer"] == "It is so [1], not otherwise. x"
    (citation,) = final["citations"]
    assert RENT.startswith(citation["quote"])
    assert citation["quote"].startswith(words)


@pytest.mark.parametrize(
    ("mode", "reason"),
    [("429", "model_rate_limited"), ("500", "model_unavailable"), ("hang", "model_timeout")],
)
def test_a_failing_model_is_replaced_by_the_demo_engine(
    server: httpx.Client, stub: StubOpenAI, mode: Mode, reason: str
) -> None:
    stub.mode = mode
    started = time.monotonic()
    answer = ask(server)

    assert "14,200" in answer["answer"]
    assert (answer["mode"], answer["degraded"]) == ("demo", [reason])
    assert time.monotonic() - started < TIMEOUT_S + 3


def test_no_footnote_of_a_streamed_completion_belongs_to_another_claim(
    server: httpx.Client, stub: StubOpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = " ".join(RENT.split()[:6])
    written = f'The landlord has a yacht [1: "a yacht in Monaco"]. {words} [1: "{words}"].'
    monkeypatch.setattr(stub, "reply", lambda _: written)
    sent = server.post("/v1/chat/completions", json=COMPLETION | {"stream": True}).text
    events = [line.removeprefix("data: ") for line in sent.splitlines() if line.startswith("data: {")]
    deltas = [choice["delta"] for event in events for choice in json.loads(event)["choices"]]
    text = "".join(delta.get("content", "") for delta in deltas)

    said, notes = text[text.rindex("The landlord") :].split("\n\n")
    assert said == f"The landlord has a yacht. {words} [1]."
    assert "lease.txt" in notes


def open_files() -> int:
    """What this process holds open, without the pooled connections to the database.

    Of those SQLAlchemy opens as many as have been needed at once, fifteen at most; a hundred that were never given back
    would leave a request without one.
    """
    names = []
    for each in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):  # closed since
            names.append(each.readlink().name)
    return sum(not name.startswith("llmops.db") for name in names)


@pytest.mark.timeout(180)  # each failure is tried again after a pause
@pytest.mark.parametrize(("mode", "streams"), [("500", False), ("cut", True)])
def test_a_hundred_failures_in_a_row_leave_nothing_behind(
    server: httpx.Client, stub: StubOpenAI, mode: Mode, streams: bool
) -> None:
    def left_over() -> tuple[int, int, int]:
        gc.collect()
        tasks = [each for each in gc.get_objects() if isinstance(each, asyncio.Task) and not each.done()]
        return len(tasks), threading.active_count(), open_files()

    def fail() -> None:
        if streams:
            body = {
                "input": {"question": "How high is the rent?"},
                "config": {"configurable": {"thread_id": "unlucky"}},
            }
            events = server.post("/agent/stream", json=body).text
            assert '"reset": true' in events or '"reset":true' in events
            return
        answer = ask(server, agent="auto", thread_id="unlucky")
        assert (answer["mode"], len(answer["degraded"])) == ("demo", 1)

    stub.mode = mode
    for _ in range(5):
        fail()
    before = left_over()
    for _ in range(100):
        fail()
    deadline = time.monotonic() + 10  # connections are closed a moment after their answers
    while any(now > then + 2 for now, then in zip(left_over(), before, strict=True)):
        assert time.monotonic() < deadline, (before, left_over())
        time.sleep(0.2)
    stub.mode = "ok"
    assert ask(server, thread_id="unlucky")["mode"] == "llm"


def test_demo_mode_never_calls_the_model(server: httpx.Client, stub: StubOpenAI) -> None:
    before = len(stub.requests)
    answer = ask(server, mode="demo")

    assert (answer["mode"], answer["degraded"]) == ("demo", [])
    assert len(stub.requests) == before


COMPLETION = {"model": "qa", "messages": [{"role": "user", "content": "How high is the rent?"}]}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/qa/stream", {"input": {"question": "How high is the monthly rent?"}}),
        ("/v1/chat/completions", COMPLETION | {"stream": True}),
    ],
)
def test_a_client_that_hangs_up_stops_the_model(
    server: httpx.Client, stub: StubOpenAI, path: str, body: dict[str, Any]
) -> None:
    stub.mode = "hang"
    asked, cancelled = len(stub.requests), len(stub.cancelled)
    with server.stream("POST", path, json=body):
        assert becomes_true(lambda: len(stub.requests) > asked, within_s=PROMPTLY_S)

    assert becomes_true(lambda: len(stub.cancelled) > cancelled, within_s=PROMPTLY_S)


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ask", {"question": "How high is the rent?", "agent": "qa"}),
        ("/qa/invoke", {"input": {"question": "How high is the rent?"}}),
        ("/qa/batch", {"inputs": [{"question": "How high is the rent?"}]}),
        ("/chat/invoke", {"input": {"messages": [{"content": "How high is the rent?"}]}}),
        ("/v1/chat/completions", COMPLETION),
    ],
)
def test_a_caller_that_does_not_wait_for_the_answer_stops_the_model(
    server: httpx.Client, stub: StubOpenAI, path: str, body: dict[str, Any]
) -> None:
    stub.mode = "hang"
    cancelled = len(stub.cancelled)
    with pytest.raises(httpx.ReadTimeout):
        server.post(path, json=body, timeout=0.5)

    assert becomes_true(lambda: len(stub.cancelled) > cancelled, within_s=PROMPTLY_S)


def test_a_bad_item_of_a_batch_costs_no_other_its_answer(server: httpx.Client) -> None:
    inputs = [{"question": "How high is the rent?"}, {"question": "Why?", "collection": "nowhere"}]

    with remote(server, "qa") as agent:
        answer, error = agent.batch(inputs)

    assert (answer["type"], answer["mode"]) == ("final", "llm")
    assert (error["type"], error["code"]) == ("error", "unknown_collection")
    assert "nowhere" in error["content"]


def test_two_questions_at_once_on_one_thread(server: httpx.Client, stub: StubOpenAI) -> None:
    stub.mode = "stall"
    body = {"input": {"question": "How high is the rent?"}, "config": {"configurable": {"thread_id": "busy"}}}
    with server.stream("POST", "/qa/stream", json=body) as first:
        lines = first.iter_lines()  # the connection lasts as long as this is held
        assert any('"token"' in line for line in lines)
        refused = [server.post(f"/{path}", json=body) for path in ("qa/invoke", "agent/stream")]
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(409, "thread_busy")] * 2


def test_the_tokens_of_a_stream_are_those_of_the_answer_alone(server: httpx.Client, stub: StubOpenAI) -> None:
    """Neither what the router nor what a condensed question is made of."""
    config = {"configurable": {"thread_id": "tokens"}}
    before = len(stub.requests)
    with remote(server, "agent") as agent:
        agent.invoke({"question": "How high is the rent?"}, config=config)
        events: list[dict[str, Any]] = list(agent.stream({"question": "And when is it due?"}, config=config))
    assert len(stub.requests) > before + 2
    said = "".join(event["content"] for event in events if event["type"] == "token")
    assert said.strip() == events[-1]["answer"]


def test_embeddings_of_the_provider_are_used_and_missed_without_harm(stub: StubOpenAI, tmp_path: Any) -> None:
    settings = make_settings(
        tmp_path, openai_api_key="sk-test", openai_base_url=stub.base_url, model_max_retries=0
    )
    with running(settings) as server:
        server.post("/index", json={"documents": [{"text": RENT, "name": "lease.txt"}]}).raise_for_status()
        assert server.get("/stats").json()["embedding_model"] == "openai:text-embedding-3-large"
        assert server.post("/search", json={"query": "monthly rent"}).json()["degraded"] == []

        stub.mode = "500"
        found = server.post("/search", json={"query": "monthly rent"}).json()
        assert found["degraded"] == ["embeddings_unavailable"]
        assert found["results"][0]["document_name"] == "lease.txt"


def test_what_is_too_long_is_asked_with_half_of_the_evidence(server: httpx.Client, stub: StubOpenAI) -> None:
    ask(server)
    whole = len(stub.requests[-1].prompt)
    stub.max_prompt_chars = whole - 1
    before = len(stub.requests)
    answer = ask(server)
    assert (answer["mode"], answer["degraded"]) == ("llm", [])
    assert len(stub.requests) - before == 2
    assert len(stub.requests[-1].prompt) < whole
    assert answer["citations"]


def test_what_is_too_long_by_half_as_well_is_answered_by_the_demo_engine(
    server: httpx.Client, stub: StubOpenAI
) -> None:
    stub.max_prompt_chars = 10
    answer = ask(server)
    assert (answer["mode"], answer["degraded"]) == ("demo", ["model_context_exceeded"])
    assert "14,200" in answer["answer"]
