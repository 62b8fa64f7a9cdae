"""Several workers of one server count together, whichever of them is asked."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import pytest

from tests.api.test_metrics_route import value
from tests.postgres import database_url

REQUESTS = 40


@pytest.fixture
def server(tmp_path: Path) -> Iterator[httpx.Client]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "metrics").mkdir()
    places = {
        "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics"),
        "LLMOPS_DATA_DIR": str(tmp_path / "data"),
        "LLMOPS_DATABASE_URL": database_url(tmp_path / "data"),
        "LLMOPS_LOG_DIR": str(tmp_path / "logs"),
    }
    command = [sys.executable, "-m", "app.cli", "serve", "--workers", "2", "--port", str(port)]
    process = subprocess.Popen(command, env=os.environ | places, stdout=subprocess.DEVNULL)
    try:
        # Each request has a connection of its own, or one worker would get them all.
        with httpx.Client(
            base_url=f"http://127.0.0.1:{port}", headers={"Connection": "close"}, timeout=30
        ) as client:
            wait_for_workers(client, 2)
            yield client
    finally:
        process.terminate()
        process.wait(timeout=60)


def wait_for_workers(client: httpx.Client, count: int) -> None:
    for _ in range(300):
        with suppress(httpx.TransportError):
            if value(client, "llmops_workers") == count:
                return
        time.sleep(0.1)
    raise AssertionError(f"there never were {count} workers")


@pytest.mark.timeout(150)  # five processes start, one after another on two cores
def test_their_numbers_are_added_up_and_those_of_the_dead_are_kept(
    server: httpx.Client, tmp_path: Path
) -> None:
    for _ in range(REQUESTS):
        server.get("/info").raise_for_status()
    wanted = {"route": "/info", "status": "200"}
    assert [value(server, "llmops_http_requests_total", **wanted) for _ in range(6)] == [REQUESTS] * 6
    assert value(server, "llmops_runs_in_progress") == 0
    workers = {int(file.stem.rpartition("_")[2]) for file in (tmp_path / "metrics").glob("*/*.db")}
    assert len(workers) == 2
    both = value(server, "process_resident_memory_bytes")
    assert both > 1.5 * max(map(resident_bytes, workers))
    os.kill(workers.pop(), signal.SIGKILL)
    wait_for_workers(server, 1)
    assert value(server, "llmops_http_requests_total", **wanted) == REQUESTS


def resident_bytes(pid: int) -> int:
    (line,) = (line for line in Path(f"/proc/{pid}/status").read_text().splitlines() if "VmRSS" in line)
    return int(line.split()[1]) * 1024
