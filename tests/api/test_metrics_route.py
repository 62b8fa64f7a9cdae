"""`/metrics` of a real server: what it counts, and that nothing of users stands in its labels."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from app.knowledge.following import Following
from tests.api.conftest import HANDBOOK
from tests.live import make_settings, running

Labels = dict[str, str]


def read(server: httpx.Client) -> dict[str, list[tuple[Labels, float]]]:
    text = server.get("/metrics").raise_for_status().text
    found: dict[str, list[tuple[Labels, float]]] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(server: httpx.Client, name: str, **labels: str) -> float:
    return sum(
        number
        for found, number in read(server).get(name, [])
        if all(found.get(key) == wanted for key, wanted in labels.items())
    )


def test_requests_count_by_the_template_of_their_route(server: httpx.Client) -> None:
    wanted = {"route": "/documents/{document_id}", "method": "GET", "status": "404"}
    before = value(server, "llmops_http_requests_total", **wanted)
    for number in range(3):
        server.get(f"/documents/no-such-{number}")
    assert value(server, "llmops_http_requests_total", **wanted) == before + 3
    assert value(server, "llmops_http_request_seconds_count", route="/documents/{document_id}") >= before + 3


@pytest.mark.parametrize(
    ("method", "path", "route"),
    [
        ("POST", "/agent/invoke", "/agent/invoke"),
        ("GET", "/qa/c/N4XyA/playground/index.html", "/qa/c/{config_hash}/playground/{file_path:path}"),
        ("POST", "/mcp", "/mcp"),
        ("GET", "/threads/some-thread/export", "/threads/{thread_id}/export"),
        ("GET", "/nowhere/some-name", "unmatched"),
        ("PURGE", "/nowhere", "unmatched"),
        ("PUT", "/documents/some-name", "/documents/{document_id}"),
    ],
)
def test_every_kind_of_route_has_a_template(server: httpx.Client, method: str, path: str, route: str) -> None:
    before = value(server, "llmops_http_requests_total", route=route)
    server.request(method, path)
    assert value(server, "llmops_http_requests_total", route=route) == before + 1


def test_a_run_leaves_its_outcome_stages_and_scores(server: httpx.Client) -> None:
    names = (
        "llmops_runs_total",
        "llmops_run_seconds_count",
        "llmops_run_stage_seconds_count",
        "llmops_search_seconds_count",
        "llmops_search_best_score_count",
    )
    before = {name: value(server, name) for name in names}
    answer = server.post("/ask", json={"question": "What is the notice period?", "agent": "qa"}).json()
    assert not answer["refused"]
    stages = {labels["stage"] for labels, _ in read(server)["llmops_run_stage_seconds_count"]}
    assert {"condense", "route", "retrieve", "answer", "verify", "suggest"} <= stages
    grown = {name: value(server, name) - before[name] for name in names}
    assert grown == dict.fromkeys(names, 1) | {"llmops_run_stage_seconds_count": 6}
    assert value(server, "llmops_runs_total", agent="qa", mode="demo", outcome="answered") >= 1


def test_refusals_and_failures_count_apart(server: httpx.Client) -> None:
    refused = value(server, "llmops_runs_total", outcome="refused")
    failed = value(server, "llmops_run_failures_total", code="unknown_collection")
    server.post("/ask", json={"question": "Who won the chess tournament of 1851?", "agent": "qa"})
    server.post("/ask", json={"question": "Who?", "collection": "nowhere"})
    assert value(server, "llmops_runs_total", outcome="refused") == refused + 1
    assert value(server, "llmops_run_failures_total", code="unknown_collection") == failed + 1


@pytest.fixture
def _follows_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its indexes then catch up with searches alone."""
    monkeypatch.setattr(Following, "start", lambda _self: None)


@pytest.mark.usefixtures("_follows_nobody")  # before the server starts
def test_the_store_the_queues_and_the_indexes_are_seen(fresh_server: httpx.Client) -> None:
    server = fresh_server
    assert value(server, "llmops_documents", status="indexed") == 0
    server.post("/index", json={"documents": [{"text": HANDBOOK, "name": "handbook.md"}]})
    bad = server.post(
        "/upload", params={"wait": "true"}, files={"files": ("broken.pdf", b"%PDF-1.4 nothing")}
    )
    assert bad.json()["documents"][0]["status"] == "failed"
    found = read(server)
    assert value(server, "llmops_documents", status="indexed") == 1
    assert value(server, "llmops_documents", status="failed") == 1
    assert {labels["status"] for labels, _ in found["llmops_documents"]} >= {"queued", "cancelled"}
    chunks = value(server, "llmops_chunks")
    assert chunks > 0
    assert value(server, "llmops_store_up") == 1
    assert value(server, "llmops_index_lag_changes", index="vectors") > 0
    server.post("/search", json={"query": "notice period"})
    for index in ("vectors", "words"):
        assert value(server, "llmops_index_chunks", index=index) == chunks
        assert value(server, "llmops_index_lag_changes", index=index) == 0
    assert value(server, "llmops_queue_length", queue="documents") == 0
    assert value(server, "llmops_queue_oldest_seconds", queue="documents") == 0


def test_what_waits_has_a_length_and_an_age(tmp_path: Path) -> None:
    with running(make_settings(tmp_path, ingestion_workers=0)) as server:
        server.post("/upload", files={"files": ("a.txt", b"Some words.")})
        server.post("/upload", files={"files": ("b.txt", b"Other words.")})
        assert value(server, "llmops_queue_length", queue="documents") == 2
        first = value(server, "llmops_queue_oldest_seconds", queue="documents")
        assert value(server, "llmops_documents", status="queued") > 0
        assert 0 < first < value(server, "llmops_queue_oldest_seconds", queue="documents")


def test_streams_count_while_they_are_read(server: httpx.Client) -> None:
    body = {"input": {"question": "What is the notice period?"}}
    with server.stream("POST", "/qa/stream", json=body) as stream:
        lines = stream.iter_lines()
        next(lines)
        assert value(server, "llmops_http_streams_open") == 1
        for _ in lines:
            pass
    # The client has the last byte a moment before the server is done with it.
    until(lambda: value(server, "llmops_http_streams_open") == 0)
    until(lambda: value(server, "llmops_runs_in_progress") == 0)


def until(holds: Callable[[], bool]) -> None:
    for _ in range(100):
        if holds():
            return
        time.sleep(0.05)
    raise AssertionError("it did not come about in five seconds")


def test_a_method_that_nobody_knows_makes_no_label(server: httpx.Client) -> None:
    before = value(server, "llmops_http_requests_total", method="other")
    server.request("PURGE", "/documents")
    assert value(server, "llmops_http_requests_total", method="other") == before + 1


def test_the_process_shows_its_memory_and_files(server: httpx.Client) -> None:
    for name in ("process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds"):
        assert value(server, name) > 0


def test_labels_hold_nothing_that_users_chose(server: httpx.Client) -> None:
    chosen = "Zanzibar4711"
    server.post("/ask", json={"question": f"What is {chosen}?", "thread_id": chosen, "collection": chosen})
    server.post("/collections", json={"name": chosen})
    server.post("/index", json={"documents": [{"text": chosen, "name": chosen}], "collection": chosen})
    server.post("/search", json={"query": chosen, "collection": chosen})
    server.get(f"/documents/{chosen}?x={chosen}")
    try:
        text = server.get("/metrics").text
        assert chosen.casefold() not in text.casefold()
        assert not re.search(r"[0-9a-f]{32}", text)
    finally:
        server.delete(f"/collections/{chosen}")


def test_metrics_can_be_turned_off(tmp_path: Path, metrics_on_again: None) -> None:
    with running(make_settings(tmp_path, metrics=False)) as server:
        assert server.get("/metrics").status_code == 404


@pytest.fixture
def metrics_on_again() -> Iterator[None]:
    """Counting is switched for the whole process, which other tests share."""
    from app.telemetry.metrics import configure_metrics

    yield
    configure_metrics(is_on=True, prices={})


@pytest.mark.sqlite
def test_a_database_that_is_gone_is_seen_and_the_rest_still_told(tmp_path: Path) -> None:
    with running(make_settings(tmp_path)) as server:
        server.post("/index", json={"documents": [{"text": HANDBOOK, "name": "handbook.md"}]})
        for file in (tmp_path / "data").glob("llmops.db*"):
            file.write_bytes(b"no database any more" * 4096)
        assert value(server, "llmops_store_up") == 0
        assert value(server, "llmops_http_requests_total", route="/index") > 0
