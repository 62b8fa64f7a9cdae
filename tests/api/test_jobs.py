"""Uploads in the background over HTTP: acknowledged at once, followed, cancelled, and not lost by a kill."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live import make_settings, running, spawned

LARGE = " ".join(f"Depot {number} opens at nine and closes at {number % 7 + 12}." for number in range(2_400))


def upload(server: httpx.Client, *files: tuple[str, bytes], key: str | None = None) -> dict[str, Any]:
    headers = {} if key is None else {"Idempotency-Key": key}
    response = server.post("/upload", files=[("files", file) for file in files], headers=headers)
    assert response.status_code == 202, response.text
    accepted: dict[str, Any] = response.json()
    return accepted


def job(server: httpx.Client, job_id: str) -> dict[str, Any]:
    response = server.get(f"/jobs/{job_id}")
    assert response.status_code == 200, response.text
    found: dict[str, Any] = response.json()
    return found


def finished(server: httpx.Client, job_id: str, seconds: float = 50) -> dict[str, Any]:
    deadline = time.monotonic() + seconds
    while (found := job(server, job_id))["state"] in ("queued", "running"):
        assert time.monotonic() < deadline, found
        time.sleep(0.1)
    return found


def events(server: httpx.Client, job_id: str) -> Iterator[dict[str, Any]]:
    with server.stream("GET", f"/jobs/{job_id}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        for line in response.iter_lines():
            if line.startswith("data: "):
                yield json.loads(line.removeprefix("data: "))


def test_an_upload_is_acknowledged_at_once_and_indexed_in_the_background(fresh_server: httpx.Client) -> None:
    accepted = upload(fresh_server, ("large.txt", LARGE.encode()), ("small.txt", b"Something small."))
    assert accepted["documents"][0]["status"] in ("queued", "parsing")
    listed = fresh_server.get("/documents").json()["documents"]
    assert {document["name"] for document in listed} == {"large.txt", "small.txt"}  # visible at once

    seen = list(events(fresh_server, accepted["job_id"]))
    assert seen[-1]["state"] == "done"
    assert seen[-1]["progress"] == {"done": 2, "total": 2, "stage": "finished", "unit": "documents"}
    assert {document["status"] for document in seen[-1]["documents"]} == {"indexed"}
    assert job(fresh_server, accepted["job_id"]) == seen[-1]
    assert [found["job_id"] for found in fresh_server.get("/jobs").json()["jobs"]] == [accepted["job_id"]]


def test_a_stream_that_broke_off_goes_on_behind_its_last_event(fresh_server: httpx.Client) -> None:
    path = f"/jobs/{upload(fresh_server, ('large.txt', LARGE.encode()))['job_id']}/events"
    with fresh_server.stream("GET", path) as response:
        lines = response.iter_lines()
        first = next(line for line in lines if line.startswith("id: ")).removeprefix("id: ")
    whole = fresh_server.get(path).text
    behind_the_first = fresh_server.get(path, headers={"Last-Event-ID": first}).text
    assert first not in behind_the_first
    last = [line for line in whole.splitlines() if line.startswith("id: ")][-1].removeprefix("id: ")
    assert last in behind_the_first
    assert fresh_server.get(path, headers={"Last-Event-ID": last}).status_code == 204
    assert last in fresh_server.get(path, headers={"Last-Event-ID": "unheard of"}).text


def test_a_job_of_one_document_counts_its_chunks(fresh_server: httpx.Client) -> None:
    accepted = upload(fresh_server, ("large.txt", LARGE.encode()))
    counted = [
        event for event in events(fresh_server, accepted["job_id"]) if event["progress"]["unit"] == "chunks"
    ]
    dones = [event["progress"]["done"] for event in counted]
    assert len(counted) > 1
    assert dones == sorted(dones)
    assert all(event["progress"]["done"] <= event["progress"]["total"] for event in counted)
    assert any(event["eta_s"] is not None for event in counted)


def test_a_cancelled_job_stops_and_can_be_resumed(fresh_server: httpx.Client) -> None:
    accepted = upload(fresh_server, ("large.txt", LARGE.encode()), ("also.txt", LARGE.encode()[:-1]))
    cancelled = fresh_server.delete(f"/jobs/{accepted['job_id']}")
    assert cancelled.status_code == 200
    assert cancelled.json()["state"] == "cancelled"
    assert {document["status"] for document in cancelled.json()["documents"]} == {"cancelled"}
    assert fresh_server.post("/search", json={"query": "depot"}).json()["results"] == []

    fresh_server.post(f"/jobs/{accepted['job_id']}/resume").raise_for_status()
    assert finished(fresh_server, accepted["job_id"])["state"] == "done"
    assert fresh_server.post("/search", json={"query": "depot"}).json()["results"]


def test_a_document_that_another_job_wants_as_well_is_not_cancelled(fresh_server: httpx.Client) -> None:
    first = upload(fresh_server, ("large.txt", LARGE.encode()))
    second = upload(fresh_server, ("same.txt", LARGE.encode()))
    assert second["documents"][0]["document_id"] == first["documents"][0]["document_id"]
    fresh_server.delete(f"/jobs/{first['job_id']}")
    assert finished(fresh_server, second["job_id"])["state"] == "done"


def test_a_document_can_be_deleted_at_any_state(fresh_server: httpx.Client) -> None:
    accepted = upload(fresh_server, ("large.txt", LARGE.encode()), ("small.txt", b"Small."))
    for document in accepted["documents"]:
        assert fresh_server.delete(f"/documents/{document['document_id']}").status_code == 204
    assert finished(fresh_server, accepted["job_id"])["documents"] == []
    time.sleep(1)  # a worker that goes on would be ready by now
    assert fresh_server.get("/documents").json()["documents"] == []
    assert fresh_server.get("/stats").json()["chunks"] == 0


def test_a_file_that_fails_is_named_and_keeps_no_other_out(fresh_server: httpx.Client) -> None:
    accepted = upload(
        fresh_server, ("broken.json", b'{"a": '), ("good.txt", b"Readable."), ("empty.txt", b"")
    )
    found = finished(fresh_server, accepted["job_id"])
    assert found["state"] == "done"
    assert [document["status"] for document in found["documents"]] == ["failed", "indexed", "failed"]
    assert found["documents"][0]["error"]["code"] == "corrupt_document"

    only_bad = upload(fresh_server, ("empty2.pdf", b"nothing"))
    assert finished(fresh_server, only_bad["job_id"])["state"] == "failed"


def test_an_idempotency_key_gives_the_same_job(fresh_server: httpx.Client) -> None:
    first = upload(fresh_server, ("a.txt", b"Once."), key="k1")
    finished(fresh_server, first["job_id"])
    again = upload(fresh_server, ("a.txt", b"Once."), key="k1")
    assert again["job_id"] == first["job_id"]
    assert not again["documents"][0]["duplicate"]  # the answer of the first request, not of a second one

    fresh_server.delete(f"/documents/{first['documents'][0]['document_id']}").raise_for_status()
    assert upload(fresh_server, ("a.txt", b"Once."), key="k1")["documents"] == []  # and nothing comes back

    other = fresh_server.post(
        "/upload", files={"files": ("b.txt", b"Twice.")}, headers={"Idempotency-Key": "k1"}
    )
    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert fresh_server.get("/documents").json()["documents"] == []


@pytest.mark.parametrize(
    ("method", "path"), [("GET", ""), ("GET", "/events"), ("DELETE", ""), ("POST", "/resume")]
)
def test_an_unknown_job_is_a_404(server: httpx.Client, method: str, path: str) -> None:
    response = server.request(method, f"/jobs/nothing{path}")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_job")


def test_the_server_answers_while_it_reads_something_large(fresh_server: httpx.Client) -> None:
    accepted = upload(fresh_server, ("large.txt", LARGE.encode() * 3))
    times = []
    while job(fresh_server, accepted["job_id"])["progress"]["unit"] != "chunks":
        time.sleep(0.05)
    for _ in range(20):
        started = time.monotonic()
        fresh_server.get("/health").raise_for_status()
        times.append(time.monotonic() - started)
    assert sorted(times)[-3] < 1.0
    assert job(fresh_server, accepted["job_id"])["state"] == "running"
    fresh_server.delete(f"/jobs/{accepted['job_id']}")


def test_a_job_outlives_the_process(tmp_path: Path) -> None:
    with spawned(tmp_path) as (server, process):
        accepted = upload(server, ("large.txt", LARGE.encode()), ("later.txt", b"The sluice code is 4711."))
        process.send_signal(signal.SIGKILL)
    with running(make_settings(tmp_path)) as server:
        found = finished(server, accepted["job_id"])
        assert [document["status"] for document in found["documents"]] == ["indexed", "indexed"]
        hit = server.post("/search", json={"query": "sluice code"}).json()["results"][0]
        assert "4711" in hit["text"]
