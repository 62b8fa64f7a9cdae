"""A server goes while others stay, as in a rolling update, and callers with open connections notice nothing."""

from __future__ import annotations

import http.client
import json
import os
import random
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from tests.postgres import database_url

_CALLERS = 6
_PAUSE_S = 0.05


class Service:
    """Sends new connections to one of its endpoints, as a Service of Kubernetes does; open ones stay where they are."""

    def __init__(self) -> None:
        self.endpoints: list[int] = []
        self.answered = 0
        self.failures: list[str] = []
        self.is_over = threading.Event()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", random.choice(self.endpoints), timeout=30)

    def call(self) -> None:
        """Ask again and again by one connection, and by a new one when an answer has said that this was the last.

        A connection that ends otherwise fails its next request: one that was on its way would be lost in the same way.
        """
        connection = self.connect()
        while not self.is_over.wait(_PAUSE_S):
            if connection.sock is None:
                connection = self.connect()
            try:
                status = _ask(connection)
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            else:
                self.answered += 1
                self.failures += [str(status)] if status != 200 else []
        connection.close()


def _ask(connection: http.client.HTTPConnection) -> int:
    query = json.dumps({"query": "Where does the key hang?"})
    connection.request("POST", "/search", query, {"content-type": "application/json"})
    response = connection.getresponse()
    response.read()
    return response.status


@contextmanager
def served(folder: Path) -> Iterator[tuple[int, subprocess.Popen[bytes]]]:
    """`llmops serve` on the one data directory, ready."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    own = {
        "LLMOPS_DATA_DIR": str(folder / "data"),
        "LLMOPS_DATABASE_URL": database_url(folder / "data"),
        "LLMOPS_LOG_DIR": str(folder / f"logs-{port}"),
    }
    command = [sys.executable, "-m", "app.cli", "serve", "--port", str(port)]
    process = subprocess.Popen(
        command, env=os.environ | own, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    try:
        _wait_until_ready(port)
        yield port, process
    finally:
        process.kill()
        process.wait(timeout=20)


def _wait_until_ready(port: int) -> None:
    for _ in range(600):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
        try:
            connection.request("GET", "/health/ready")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    raise AssertionError("the server did not become ready")


@pytest.mark.timeout(240)
def test_a_rolling_restart_loses_no_request(tmp_path: Path) -> None:
    service = Service()
    with ExitStack() as stack:
        replicas = [stack.enter_context(served(tmp_path)) for _ in range(2)]
        service.endpoints = [port for port, _ in replicas]
        callers = [threading.Thread(target=service.call) for _ in range(_CALLERS)]
        for caller in callers:
            caller.start()
        for place, (_, old) in enumerate(tuple(replicas)):
            replicas[place] = stack.enter_context(served(tmp_path))
            service.endpoints = [port for port, _ in replicas]
            time.sleep(1)  # in Kubernetes, as long as preStop takes
            old.terminate()
            old.wait(timeout=30)
        service.is_over.set()
        for caller in callers:
            caller.join(timeout=30)
    assert service.failures == []
    assert service.answered > 100
