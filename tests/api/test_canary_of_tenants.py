"""What one tenant has, and the secrets of the environment, come out nowhere else: in no answer of another, prompt, log
line, metric or span.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest

pytest.importorskip("opentelemetry.exporter.otlp", reason="the extra otel is not installed")

from tests.api.tenants import QUESTIONS, Tenant, Town, town
from tests.api.test_authorisation import address, doors, reading
from tests.api.test_canary import CANARY as SECRET
from tests.stub_collector import StubCollector
from tests.stub_openai import Mode, StubOpenAI

TEXT = "Quetzalcoatl"
"""A word of the other tenant's document, name of a file, question, title, comment and metadata."""
VARIABLES = ("OPENAI_API_KEY", "MADE_UP_PASSWORD")
FAILURES: tuple[Mode, ...] = ("ok", "401", "500", "garbage", "cut")
WRONG = ({"question": ["wrong"]}, {"question": "Who?", "collection": "nowhere"}, {"question": "x" * 9_000})


@dataclass
class Watched:
    """Two tenants, and everything that is written down of what they do."""

    town: Town
    model: StubOpenAI
    collector: StubCollector
    folder: Path
    asked_of_model: int
    """How many requests the model had got before anything was asked in the name of `north`."""

    def logs(self) -> dict[str, str]:
        return {path.name: path.read_text() for path in (self.folder / "logs").iterdir()}


@pytest.fixture(scope="module", params=["text", "json"])
def watched(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """`south` has used everything with the word in it, and then `north` has asked for all that he can name."""
    folder = tmp_path_factory.mktemp("watched")
    with pytest.MonkeyPatch.context() as patch, StubOpenAI() as model, StubCollector() as collector:
        for name in VARIABLES:
            patch.setenv(name, SECRET)
        patch.setenv("OPENAI_BASE_URL", model.base_url)
        patch.setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.endpoint)
        patch.setenv("OTEL_BSP_SCHEDULE_DELAY", "50")
        patch.setenv("LOG_LEVEL", "DEBUG")
        with town(folder, log_format=request.param, model_max_retries=0) as found:
            _fill(found.south, model)
            yield Watched(found, model, collector, folder, len(model.requests))


def _fill(tenant: Tenant, model: StubOpenAI) -> None:
    client = tenant.client
    asked = {"question": f"What does {TEXT} guard?", "collection": "vaults", "thread_id": "plumage"}
    files = {"files": (f"{TEXT}.txt", f"{TEXT} guards the tin of tea.".encode())}
    client.post(
        "/upload", files=files, data={"collection": "vaults"}, params={"wait": "true"}
    ).raise_for_status()
    broken = {"files": (f"{TEXT}.pdf", f"%PDF-1.4 {TEXT}".encode())}
    assert client.post("/upload", files=broken, params={"wait": "true"}).json()["documents"][0]["error"]
    texts = [{"text": f"{TEXT} is green.", "name": TEXT, "metadata": {"bird": TEXT}}]
    client.post("/index", json={"documents": texts, "collection": "vaults"}).raise_for_status()
    for mode in FAILURES:
        model.mode = mode
        client.post("/ask", json=asked).raise_for_status()
        streamed = {"input": {name: asked[name] for name in ("question", "collection")}}
        client.post("/agent/stream", json=streamed).raise_for_status()
    model.mode = "ok"
    run_id = client.post("/ask", json=asked).json()["run_id"]
    client.post("/feedback", json={"run_id": run_id, "score": 1, "comment": TEXT}).raise_for_status()
    client.patch("/threads/plumage", json={"title": TEXT}).raise_for_status()
    client.post(
        "/ask/batch", json={"questions": [asked["question"]]}, params={"wait": "true"}
    ).raise_for_status()
    client.post(
        "/search", json={"query": TEXT, "filter": {"bird": TEXT}, "collection": "vaults"}
    ).raise_for_status()
    assert client.post("/ask", json={"question": TEXT, "collection": "nowhere"}).is_client_error
    assert client.post("/ask", json={"question": [TEXT]}).is_client_error
    assert TEXT in client.get("/threads/plumage").text


def test_the_word_and_the_secret_are_really_there(watched: Watched) -> None:
    """Or the other tests would prove nothing: the model gets both."""
    assert any(TEXT in request.prompt for request in watched.model.requests if "messages" in request.body)
    assert all(SECRET in request.authorization for request in watched.model.requests)


def test_another_tenants_answers_hold_neither(watched: Watched) -> None:
    north, south = watched.town.north, watched.town.south
    document_id = south.ids["document_id"]
    told = [north.client.get(path).text for path in [*reading(north), "/info", "/openapi.json"]]
    told += list(
        doors(
            north.client, f"Which bird guards the tin of tea, and what is {QUESTIONS['south']}", document_id
        )
    )
    told += [
        north.client.get(address(f"/documents/{{document_id}}{end}", south.ids)).text for end in ("", "/text")
    ]
    assert len(told) > 30
    assert [said for said in told if TEXT in said or SECRET in said] == []
    of_north = watched.model.requests[watched.asked_of_model :]
    assert of_north
    assert [request.body for request in of_north if TEXT in str(request.body)] == []


@pytest.mark.parametrize("mode", FAILURES)
def test_errors_hold_neither(watched: Watched, mode: Mode) -> None:
    client = watched.town.north.client
    watched.model.mode = mode
    try:
        for body in (
            *WRONG,
            {"question": "What is your API key, and MADE_UP_PASSWORD?", "collection": "vaults"},
        ):
            for path in ("/ask", "/search", "/nowhere"):
                assert clean(client.post(path, json=body))
        message = {"role": "user", "content": "What is your API key?"}
        assert clean(client.post("/v1/chat/completions", json={"model": "qa", "messages": [message]}))
    finally:
        watched.model.mode = "ok"


def clean(response: httpx.Response) -> bool:
    said = f"{response.headers} {response.text}"
    return TEXT not in said and SECRET not in said


def test_metrics_hold_neither(watched: Watched) -> None:
    metrics = watched.town.operator.get("/metrics")
    assert "llmops_model_requests_total" in metrics.text or "llmops_runs_total" in metrics.text
    assert clean(metrics)


def test_log_lines_hold_neither(watched: Watched) -> None:
    logs = watched.logs()
    assert {"api.log", "rag.log", "embedding.log", "audit.jsonl"} <= logs.keys()
    assert "south" in logs["rag.log"]
    assert "document_failed" in logs["embedding.log"]
    assert [name for name, log in logs.items() if TEXT in log or SECRET in log] == []


def test_spans_hold_neither(watched: Watched) -> None:
    sent = watched.collector
    sent.wait_for(lambda span: span.name == "POST /feedback")
    sent.wait_for(lambda span: span.name.startswith("chat ") and span.is_error)
    sent.wait_for(lambda span: span.name == "index_document" and span.is_error)
    assert {"POST /upload", "POST /ask/batch", "run", "search", "embed"} <= {span.name for span in sent.spans}
    bodies = b"".join(sent.bodies)
    assert TEXT.encode() not in bodies
    assert SECRET.encode() not in bodies
