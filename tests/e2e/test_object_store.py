"""The service keeps its originals in S3, as moto speaks it.

The server comes from an environment of its own, whose path is in `MOTO_SERVER`. `.ci/run` makes one.
"""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.live import spawned

pytestmark = pytest.mark.objects

LEASE = b"The monthly rent of the Bremen warehouse is 14,200 euros. It is due on the third working day."


class ObjectStore:
    """A server that can go away; what was in it is lost then."""

    def __init__(self) -> None:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = probe.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        command = [os.environ["MOTO_SERVER"], "-H", "127.0.0.1", "-p", str(self.port)]
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                httpx.put(f"{self.url}/originals").raise_for_status()
            except httpx.TransportError:
                assert time.monotonic() < deadline, "moto does not answer"
                time.sleep(0.2)
            else:
                return

    def keys(self) -> list[str]:
        listed = httpx.get(f"{self.url}/originals", params={"list-type": "2"}).raise_for_status().text
        keys = [part.partition("</Key>")[0] for part in listed.split("<Key>")[1:]]
        return [key for key in keys if key != "north/knowledge-base"]

    def stop(self) -> None:
        self.process.kill()
        self.process.wait(timeout=20)


@pytest.fixture
def objects(monkeypatch: pytest.MonkeyPatch) -> Iterator[ObjectStore]:
    store = ObjectStore()
    for name, value in {
        "AWS_ENDPOINT_URL": store.url,
        "AWS_ACCESS_KEY_ID": "made-up",
        "AWS_SECRET_ACCESS_KEY": "made-up",
        "AWS_REGION": "us-east-1",
        "LLMOPS_ORIGINALS_URL": "s3://originals/north",
    }.items():
        monkeypatch.setenv(name, value)
    try:
        yield store
    finally:
        store.stop()


def test_a_document_is_kept_read_and_removed_in_s3(objects: ObjectStore, tmp_path: Path) -> None:
    with spawned(tmp_path) as (server, _):
        sent = server.post("/upload", files={"files": ("lease.txt", LEASE)}, params={"wait": "true"})
        (info,) = sent.raise_for_status().json()["documents"]
        sha256 = info["sha256"]
        assert objects.keys() == [f"north/{sha256[:2]}/{sha256}"]
        assert not (tmp_path / "data" / "originals").exists()
        original = server.get(f"/documents/{info['document_id']}/file")
        assert (original.content, original.headers["content-length"]) == (LEASE, str(len(LEASE)))
        server.delete(f"/documents/{info['document_id']}").raise_for_status()
        assert objects.keys() == []


def test_while_s3_is_away_uploads_wait_and_answers_go_on(objects: ObjectStore, tmp_path: Path) -> None:
    with spawned(tmp_path) as (server, _):
        server.post(
            "/upload", files={"files": ("lease.txt", LEASE)}, params={"wait": "true"}
        ).raise_for_status()
        objects.stop()
        refused = server.post("/upload", files={"files": ("other.txt", b"Heating is included.")})
        assert (refused.status_code, refused.json()["code"]) == (503, "storage_unavailable")
        assert str(objects.port) not in refused.text
        answer = server.post("/ask", json={"question": "How much is the monthly rent?"})
        assert "14,200" in answer.raise_for_status().json()["answer"]
        assert [info["name"] for info in server.get("/documents").json()["documents"]] == ["lease.txt"]
