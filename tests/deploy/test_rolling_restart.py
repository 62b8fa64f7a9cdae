"""A server goes while others stay, as in a rolling update, and callers with open connections notice nothing."""

from __future__ import annotations

import http.client
import json
import random
import subprocess
import threading
import time
from contextlib import ExitStack
from pathlib import Path

import httpx
import pytest

from tests.live import spawned

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


def ports(replicas: list[tuple[httpx.Client, subprocess.Popen[bytes]]]) -> list[int]:
    return [client.base_url.port or 0 for client, _ in replicas]


@pytest.mark.timeout(240)
def test_a_rolling_restart_loses_no_request(tmp_path: Path) -> None:
    service = Service()
    with ExitStack() as stack:

        def start() -> tuple[httpx.Client, subprocess.Popen[bytes]]:
            return stack.enter_context(spawned(tmp_path, "app.cli", "serve"))

        replicas = [start(), start()]
        service.endpoints = ports(replicas)
        callers = [threading.Thread(target=service.call) for _ in range(_CALLERS)]
        for caller in callers:
            caller.start()
        for place, (_, old) in enumerate(tuple(replicas)):
            replicas[place] = start()
            service.endpoints = ports(replicas)
            time.sleep(1)  # in Kubernetes, as long as preStop takes
            old.terminate()
            old.wait(timeout=30)
        service.is_over.set()
        for caller in callers:
            caller.join(timeout=30)
    assert service.failures == []
    assert service.answered > 100
