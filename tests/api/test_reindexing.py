"""`POST /documents/{id}/reindex` over HTTP: nothing of a document is lost while it is read again, or by it."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live import make_settings, running, spawned

HERON = "The heron's registration number is 4711. It nests on the weir."


def index(server: httpx.Client, text: str = HERON, name: str = "heron.txt") -> dict[str, Any]:
    body = {"documents": [{"text": text, "name": name, "metadata": {"kind": "bird"}}]}
    info: dict[str, Any] = server.post("/index", json=body).raise_for_status().json()["documents"][0]
    return info


def read_again(server: httpx.Client, document_id: str, query: str = "?wait=true") -> httpx.Response:
    return server.post(f"/documents/{document_id}/reindex{query}")


def found(server: httpx.Client, query: str = "registration number of the heron") -> list[str]:
    results = server.post("/search", json={"query": query}).raise_for_status().json()["results"]
    return [result["document_id"] for result in results]


def test_a_document_is_read_again_as_a_job(fresh_server: httpx.Client) -> None:
    info = index(fresh_server)
    accepted = read_again(fresh_server, info["document_id"], "")
    assert accepted.status_code == 202
    body = accepted.json()
    assert body["documents"][0]["status"] == "indexed"
    assert body["documents"][0]["document_id"] == info["document_id"]
    assert found(fresh_server) == [info["document_id"]]
    with fresh_server.stream("GET", f"/jobs/{body['job_id']}/events") as events:
        lines = [line for line in events.iter_lines() if line.startswith("data:")]
    assert '"state":"done"' in lines[-1]
    job = fresh_server.get(f"/jobs/{body['job_id']}").json()
    assert job["documents"] == [info]
    assert found(fresh_server) == [info["document_id"]]
    assert fresh_server.get(f"/documents/{info['document_id']}/text").text == HERON
    assert fresh_server.get(f"/documents/{info['document_id']}/file").content == HERON.encode()


def test_waiting_gives_what_became_of_it(fresh_server: httpx.Client) -> None:
    data = b"name,city\nAda,London\nAlan,Wilmslow\n"
    uploaded = fresh_server.post("/upload?wait=true", files={"files": ("people.csv", data)}).json()
    document_id = uploaded["documents"][0]["document_id"]
    before = fresh_server.get(f"/documents/{document_id}/chunks").json()
    again = read_again(fresh_server, document_id)
    assert again.status_code == 200
    assert again.json()["documents"] == uploaded["documents"]
    assert fresh_server.get(f"/documents/{document_id}/chunks").json() == before
    stats = fresh_server.get("/stats").json()
    assert (stats["documents"], stats["chunks"], stats["unfinished"]) == (1, before["total"], 0)
    assert fresh_server.delete(f"/documents/{document_id}").status_code == 204
    assert found(fresh_server, "Who lives in Wilmslow?") == []


def test_an_unknown_document_is_not_found(server: httpx.Client) -> None:
    response = read_again(server, "nobody")
    assert (response.status_code, response.json()["code"]) == (404, "unknown_document")


def test_a_failed_document_fails_again_for_its_reason(fresh_server: httpx.Client) -> None:
    sent = [("files", ("broken.json", b'{"a": ')), ("files", ("photo.xyz", bytes(range(256)) * 9))]
    documents = fresh_server.post("/upload?wait=true", files=sent).json()["documents"]
    assert [document["status"] for document in documents] == ["failed", "failed"]
    for document in documents:
        again = read_again(fresh_server, document["document_id"]).json()["documents"][0]
        assert again["status"] == "failed"
        assert again["error"] == document["error"]


def test_a_reading_that_fails_leaves_the_document_as_it_was(tmp_path: Path) -> None:
    with running(make_settings(tmp_path)) as server:
        info = index(server, name="heron.md")
        first = read_again(server, info["document_id"])  # from here on it has a file
        assert first.json()["documents"][0]["reindexing"] is None
        (file,) = (tmp_path / "data" / "originals").glob("*/*")
        file.write_bytes(b"\x00\xff\xfe\x00binary\x81\x00")
        failed = read_again(server, info["document_id"]).json()["documents"][0]
        assert (failed["status"], failed["error"], failed["chunks"]) == ("indexed", None, info["chunks"])
        assert failed["reindexing"]["status"] == "failed"
        assert failed["reindexing"]["error"]["detail"] in failed["warnings"][0]
        assert found(server) == [info["document_id"]]
        file.unlink()
        gone = read_again(server, info["document_id"])
        assert (gone.status_code, gone.json()["code"]) == (404, "missing_original")
        file.write_bytes(HERON.encode())
        assert read_again(server, info["document_id"]).json()["documents"] == [info]


@pytest.fixture
def slow_server(tmp_path: Path) -> Iterator[httpx.Client]:
    """A server whose only document takes long enough to be caught at it."""
    with running(make_settings(tmp_path)) as client:
        yield client


def test_it_is_busy_once_cancelled_by_its_job_and_resumed(slow_server: httpx.Client) -> None:
    text = " ".join(f"Hall {n} holds crate {n * 7} of the heron." for n in range(1_000))
    info = index(slow_server, text, "long.txt")
    assert info["status"] == "indexed"
    job_id = read_again(slow_server, info["document_id"], "").json()["job_id"]
    busy = read_again(slow_server, info["document_id"], "")
    assert (busy.status_code, busy.json()["code"]) == (409, "document_busy")
    assert len(slow_server.get("/jobs").json()["jobs"]) == 1
    cancelled = slow_server.delete(f"/jobs/{job_id}").json()
    assert cancelled["state"] == "cancelled"
    document = slow_server.get(f"/documents/{info['document_id']}").json()
    assert (document["status"], document["reindexing"]["status"]) == ("indexed", "cancelled")
    assert info["document_id"] in found(slow_server, "crate of hall 999")
    assert slow_server.post(f"/jobs/{job_id}/resume").json()["state"] in ("queued", "running")
    slow_server.delete(f"/documents/{info['document_id']}")
    assert slow_server.get(f"/jobs/{job_id}").json()["documents"] == []
    assert slow_server.get("/stats").json()["chunks"] == 0


def test_every_search_finds_it_while_it_is_read_again(fresh_server: httpx.Client) -> None:
    info = index(fresh_server)
    over, misses, searches = threading.Event(), [], []

    def search() -> None:
        bodies: list[dict[str, Any]] = [{"query": "registration number of the heron"}]
        bodies += [
            bodies[0] | {"filter": {"kind": "bird"}},
            bodies[0] | {"document_ids": [info["document_id"]]},
        ]
        while not over.is_set():
            for body in bodies:
                results = fresh_server.post("/search", json=body).json()["results"]
                searches.append(body)
                if not results or "4711" not in results[0]["text"]:
                    misses.append(body)

    searcher = threading.Thread(target=search)
    searcher.start()
    for _ in range(8):
        assert read_again(fresh_server, info["document_id"]).status_code == 200
        time.sleep(0.5)
    over.set()
    searcher.join()
    assert misses == []
    assert len(searches) > 20


def test_another_process_sees_the_new_reading(tmp_path: Path) -> None:
    with running(make_settings(tmp_path)) as first:
        info = index(first)
        with spawned(tmp_path) as (second, _):
            assert found(second) == [info["document_id"]]
            assert read_again(second, info["document_id"]).status_code == 200
            for server in (first, second):
                assert found(server) == [info["document_id"]]
                assert server.get("/stats").json()["chunks"] == info["chunks"]
