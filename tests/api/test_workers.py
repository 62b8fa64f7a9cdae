"""An API that only takes in, and workers beside it that do the work: any number, and any of them may die."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from tests.api.test_jobs import finished, job, upload
from tests.live import make_settings, running
from tests.postgres import database_url


@contextmanager
def worker(folder: Path, *options: str) -> Iterator[subprocess.Popen[str]]:
    """A worker of the knowledge base below `folder` that has said what it does; killed at the end if it lives."""
    places = {
        "LLMOPS_DATA_DIR": str(folder / "data"),
        "LLMOPS_DATABASE_URL": database_url(folder / "data"),
        "LLMOPS_LOG_DIR": str(folder / "worker-logs"),
    }
    process = subprocess.Popen(
        [sys.executable, "-m", "app.cli", "worker", *options],
        env=os.environ | places,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stderr is not None
        said = process.stderr.readline()
        assert said == "Working on 2 documents and 2 questions at a time\n", said
        yield process
    finally:
        process.kill()
        process.wait(timeout=20)
        process.stderr.close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[httpx.Client]:
    with running(make_settings(tmp_path, ingestion_workers=0, batch_concurrency=0)) as client:
        yield client


def texts(count: int, words: int) -> list[tuple[str, bytes]]:
    """Files that take a while, all different."""
    return [
        (f"depot-{number}.txt", f"Depot {number} keeps sluice {4711 + number}. ".encode() * words)
        for number in range(count)
    ]


@pytest.mark.timeout(180)  # three processes start, one after another on two cores
def test_workers_do_what_the_api_leaves_to_them(api: httpx.Client, tmp_path: Path) -> None:
    accepted = upload(api, ("hall.txt", b"The key hangs in the hall."))
    time.sleep(1.5)
    assert job(api, accepted["job_id"])["state"] == "queued"
    with worker(tmp_path) as process:
        assert finished(api, accepted["job_id"])["state"] == "done"
        found = api.post("/search", json={"query": "Where does the key hang?"}).raise_for_status().json()
        assert found["results"][0]["text"] == "The key hangs in the hall."
        batch = api.post("/ask/batch", json={"questions": ["Where does the key hang?"] * 3})
        assert finished(api, batch.raise_for_status().json()["job_id"])["state"] == "done"
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=30) == 0


@pytest.mark.timeout(180)
def test_what_a_killed_worker_was_at_another_takes_over(api: httpx.Client, tmp_path: Path) -> None:
    with worker(tmp_path) as first:
        accepted = upload(api, *texts(2, words=1_000))
        while job(api, accepted["job_id"])["state"] == "queued":
            time.sleep(0.05)
        first.kill()
        assert job(api, accepted["job_id"])["state"] == "running"
        with worker(tmp_path):
            assert finished(api, accepted["job_id"], seconds=90)["state"] == "done"
    documents = api.get("/documents").json()["documents"]
    assert sorted(document["name"] for document in documents) == [
        f"depot-{number}.txt" for number in range(2)
    ]


def test_a_worker_serves_its_metrics(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    with worker(tmp_path, "--metrics-port", str(port)):
        text = httpx.get(f"http://127.0.0.1:{port}/metrics").raise_for_status().text
    assert re.search(r"^# TYPE llmops_documents_processed_total counter$", text, re.MULTILINE)


def test_a_worker_without_anything_to_do_says_so(tmp_path: Path) -> None:
    environment = os.environ | {
        "LLMOPS_DATA_DIR": str(tmp_path),
        "LLMOPS_INGESTION_WORKERS": "0",
        "LLMOPS_BATCH_CONCURRENCY": "0",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "app.cli", "worker"],
        check=False,
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert ended.returncode == 1
    assert "a worker has nothing to do" in ended.stderr
