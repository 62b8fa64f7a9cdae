"""Two servers count requests together in a Redis, and answer on while it is away."""

from __future__ import annotations

import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tests.live import make_settings, running
from tests.waiting import becomes_true

pytestmark = pytest.mark.redis


@contextmanager
def redis_server(port: int) -> Iterator[None]:
    arguments = ["--port", f"{port}", "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(["redis-server", *arguments], stdout=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
                break
            assert time.monotonic() < deadline, "redis-server does not answer"
            time.sleep(0.05)
        yield
    finally:
        process.kill()
        process.wait(timeout=20)


def test_servers_count_together_and_answer_on_without_it(tmp_path: Path) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    limited = {"rate_limit_requests": "4/hour", "rate_limit_storage": f"redis://127.0.0.1:{port}"}
    with (
        running(make_settings(tmp_path / "one", **limited)) as one,
        running(make_settings(tmp_path / "two", **limited)) as two,
    ):
        with redis_server(port):
            answers = [server.get("/stats") for server in (one, two, one, two, one, two)]
            assert [answer.status_code for answer in answers] == [200] * 4 + [429] * 2
            assert [answer.headers["ratelimit-remaining"] for answer in answers[:4]] == ["3", "2", "1", "0"]
            assert int(answers[-1].headers["retry-after"]) > 0
        assert one.get("/stats").status_code == 200
        with redis_server(port):
            assert becomes_true(lambda: one.get("/stats").headers.get("ratelimit-remaining") == "3")
