"""Traces as a collector gets them: from a request through the graph to the model, and from an upload to its job."""

from __future__ import annotations

from collections.abc import Iterator

import httpx
import pytest

pytest.importorskip("opentelemetry.exporter.otlp", reason="the extra otel is not installed")

from tests.live import make_settings, running
from tests.stub_collector import SentSpan, StubCollector
from tests.stub_openai import StubOpenAI

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
CALLER = "00f067aa0ba902b7"
KEY = "sk-secret-4711"
TEXT = "The monthly rent of the Zanzibar warehouse is 14,200 euros."
QUESTION = "How high is the monthly rent of Zanzibar?"


@pytest.fixture(scope="module")
def model() -> Iterator[StubOpenAI]:
    with StubOpenAI() as stub:
        yield stub


@pytest.fixture(scope="module")
def collector() -> Iterator[StubCollector]:
    with StubCollector() as collector:
        yield collector


@pytest.fixture(scope="module")
def server(
    model: StubOpenAI, collector: StubCollector, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[httpx.Client]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        settings = make_settings(
            tmp_path_factory.mktemp("traces"),
            openai_api_key=KEY,
            openai_base_url=model.base_url,
            embedding_model="openai:text-embedding-3-large",
            otlp_endpoint=collector.endpoint,
        )
        with running(settings) as client:
            client.post("/index", json={"documents": [{"text": TEXT, "name": "Zanzibar.txt"}]})
            yield client


def ask(server: httpx.Client, **headers: str) -> dict[str, object]:
    body = {"question": QUESTION, "agent": "qa", "thread_id": "thread-1"}
    answer: dict[str, object] = server.post("/ask", json=body, headers=headers).raise_for_status().json()
    return answer


def ancestors(collector: StubCollector, span: SentSpan) -> list[str]:
    names = []
    while span.parent_id and span.parent_id != CALLER:
        parent_id = span.parent_id
        span = collector.wait_for(lambda found: found.span_id == parent_id)  # noqa: B023  # called at once
        names.append(span.name)
    return names


def test_one_trace_leads_from_the_caller_to_the_model(
    server: httpx.Client, collector: StubCollector, model: StubOpenAI
) -> None:
    model.requests.clear()
    answer = ask(server, traceparent=f"00-{TRACE}-{CALLER}-01", **{"X-Request-ID": "request-1"})

    request = collector.wait_for(lambda span: span.trace_id == TRACE and span.name == "POST /ask")
    assert (request.parent_id, request.kind, request.service) == (CALLER, 2, "end-to-end-llmops")
    assert request.attributes["http.route"] == "/ask"
    assert request.attributes["http.response.status_code"] == 200
    assert request.attributes["llmops.request_id"] == "request-1"

    run = collector.wait_for(lambda span: span.trace_id == TRACE and span.name == "run")
    assert run.attributes["llmops.run_id"] == answer["run_id"]
    assert run.attributes["llmops.thread_id"] == "thread-1"
    assert run.attributes["llmops.request_id"] == "request-1"
    assert (run.attributes["llmops.agent"], run.attributes["llmops.mode"]) == ("qa", "llm")
    assert run.attributes["gen_ai.usage.input_tokens"] > 0

    search = collector.wait_for(lambda span: span.trace_id == TRACE and span.name == "search")
    assert ancestors(collector, search) == ["retrieve", "run", "POST /ask"]
    chat = collector.wait_for(lambda span: span.trace_id == TRACE and span.name.startswith("chat "))
    assert ancestors(collector, chat) == ["answer", "run", "POST /ask"]
    assert chat.kind == 3
    assert chat.attributes["gen_ai.request.model"] == "gpt-4o"
    assert chat.attributes["gen_ai.usage.output_tokens"] > 0

    told = [request.traceparent for request in model.requests]
    assert len(told) >= 2
    assert f"00-{TRACE}-{chat.span_id}-01" in told
    assert all(header.startswith(f"00-{TRACE}-") for header in told)


def test_streams_and_other_doors_are_traced_as_well(server: httpx.Client, collector: StubCollector) -> None:
    body = {"input": {"question": QUESTION}, "config": {"configurable": {"thread_id": "thread-2"}}}
    server.post("/qa/stream", json=body).raise_for_status()
    request = collector.wait_for(lambda span: span.name == "POST /qa/stream")
    run = collector.wait_for(lambda span: span.attributes.get("llmops.thread_id") == "thread-2")
    assert (run.trace_id, run.parent_id) == (request.trace_id, request.span_id)


def test_an_upload_and_its_job_are_one_trace(server: httpx.Client, collector: StubCollector) -> None:
    text = b"The deposit of the Zanzibar warehouse is 42,600 euros."
    uploaded = server.post("/upload", params={"wait": "true"}, files={"files": ("deposit.txt", text)}).json()
    document_id = uploaded["documents"][0]["document_id"]
    request = collector.wait_for(lambda span: span.name == "POST /upload")
    work = collector.wait_for(lambda span: span.attributes.get("llmops.document_id") == document_id)
    assert (work.name, work.trace_id) == ("index_document", request.trace_id)
    stages = {span.name for span in collector.children(work)}
    assert stages == {"parse", "split", "embed", "commit"}


def test_a_batch_and_its_runs_are_one_trace(server: httpx.Client, collector: StubCollector) -> None:
    body = {"questions": [QUESTION, "What is the deposit?"]}
    server.post("/ask/batch", params={"wait": "true"}, json=body).raise_for_status()
    request = collector.wait_for(lambda span: span.name == "POST /ask/batch")
    runs = [span for span in collector.spans if span.name == "run" and span.trace_id == request.trace_id]
    assert len(runs) == 2


def test_a_failure_is_an_error_with_its_code_and_no_message(
    server: httpx.Client, collector: StubCollector, model: StubOpenAI
) -> None:
    model.mode = "500"
    try:
        assert ask(server)["degraded"]
    finally:
        model.mode = "ok"
    server.post("/ask", json={"question": "Who?", "collection": "nowhere"})
    run = collector.wait_for(lambda span: span.name == "run" and span.is_error)
    assert run.attributes["error.type"] == "unknown_collection"
    failed = collector.wait_for(lambda span: span.is_error and span.name.startswith("chat "))
    assert failed.attributes["error.type"] == "model_unavailable"


def test_no_span_holds_texts_names_paths_or_secrets(server: httpx.Client, collector: StubCollector) -> None:
    server.get("/documents", params={"name": "Zanzibar"})
    server.post("/search", json={"query": "Zanzibar"})
    server.get("/documents/Zanzibar")
    collector.wait_for(lambda span: span.name == "GET /documents/{document_id}")
    collector.wait_for(lambda span: span.name == "POST /search")
    sent = b"".join(collector.bodies)
    for secret in (b"Zanzibar", KEY.encode(), b"14,200", b"rent", b"deposit"):
        assert secret not in sent, secret


def test_what_is_collected_is_sent_before_the_server_has_stopped(
    collector: StubCollector, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("stopping")
    with running(make_settings(folder, otlp_endpoint=collector.endpoint)) as client:
        client.get("/health/live", headers={"X-Request-ID": "the-last-one"})
    assert any(span.attributes.get("llmops.request_id") == "the-last-one" for span in collector.spans)
