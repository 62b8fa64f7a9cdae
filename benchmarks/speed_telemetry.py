"""What being watched costs: the same API with and without metrics, traces and JSON logs, asked turn by turn.

What counts is the CPU time of a request, which bounds the throughput of a server and depends less than elapsed time on
what else the machine does.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from itertools import count
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter

import httpx

from benchmarks.datasets import PROJECT
from benchmarks.sample_quality import load_expectations
from benchmarks.speed_server import SERVICE, cpu_s, environment_below, running
from benchmarks.timing import Measurement

_OFF = {"LLMOPS_METRICS": "false", "LLMOPS_TRACING": "false"}
_AT_A_TIME = {"/ask": 20, "/search": 100}
"""Requests to one server before it is the other's turn: CPU time is told in hundredths of a second."""


@dataclass(frozen=True)
class SampleServer:
    client: httpx.Client
    pid: int

    def ask(self, path: str, bodies: list[dict[str, object]]) -> tuple[float, float]:
        """Seconds of CPU and on the clock of one request."""
        used, started = cpu_s(self.pid), perf_counter()
        for body in bodies:
            self.client.post(path, json=body).raise_for_status()
        return (cpu_s(self.pid) - used) / len(bodies), (perf_counter() - started) / len(bodies)


def measure_telemetry(*, rounds: int) -> Iterator[Measurement]:
    """Metrics alone, as by default, and everything that can be turned on, as far as it is installed."""
    with _collector() as endpoint, ExitStack() as stack:
        everything = {"LLMOPS_LOG_FORMAT": "json"}
        if find_spec("opentelemetry.exporter") is not None:
            everything |= {"OTEL_EXPORTER_OTLP_ENDPOINT": endpoint}
        choices = {"off": _OFF, "metrics": {}, "everything": everything}
        servers = {name: stack.enter_context(serving_samples(chosen)) for name, chosen in choices.items()}
        questions = [expectation.question for expectation in load_expectations()]
        asked: dict[str, list[dict[str, object]]] = {
            "/ask": [{"question": question, "mode": "demo"} for question in questions],
            "/search": [{"query": question} for question in questions],
        }
        for path, bodies in asked.items():
            yield from _compare(path, bodies, servers, rounds)


def _compare(
    path: str, bodies: list[dict[str, object]], servers: Mapping[str, SampleServer], rounds: int
) -> Iterator[Measurement]:
    taken: dict[str, list[tuple[float, float]]] = {name: [] for name in servers}
    numbers = count()
    for turn in range(rounds + 1):
        chosen = [bodies[next(numbers) % len(bodies)] for _ in range(_AT_A_TIME[path])]
        order = list(servers)[:: 1 if turn % 2 else -1]
        for name in order:
            times = servers[name].ask(path, chosen)
            if turn:  # the first does not count
                taken[name].append(times)
    for name in list(servers)[1:]:
        cpu, bare = [[1_000 * used for used, _ in taken[which]] for which in (name, "off")]
        clock = [median(seconds for _, seconds in taken[which]) for which in (name, "off")]
        details = {
            "paired_ratio": round(median(a / b for a, b in zip(cpu, bare, strict=True)), 4),
            "clock_ratio": round(clock[0] / clock[1], 4),
            "requests": rounds * _AT_A_TIME[path],
        }
        yield Measurement(
            f"CPU of {path} with {name}", "ms", _mean(cpu), _mean(bare), "nothing watched", details=details
        )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values)


@contextmanager
def serving_samples(chosen: Mapping[str, str]) -> Iterator[SampleServer]:
    """A server in demo mode that has read the samples, with these settings beside."""
    with TemporaryDirectory(prefix="llmops-measured-") as folder:
        environment = environment_below(Path(folder)) | {"USE_DEMO_MODE": "true"} | dict(chosen)
        with running(SERVICE, environment) as (process, client, _):
            documents = [
                {"text": path.read_text(encoding="utf-8"), "name": path.name}
                for path in sorted((PROJECT / "examples" / "documents").iterdir())
                if path.suffix in {".md", ".txt"}
            ]
            client.post("/index", json={"documents": documents}).raise_for_status()
            yield SampleServer(client, process.pid)


@contextmanager
def _collector() -> Iterator[str]:
    """An address that takes spans in and forgets them."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Forgetful)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Forgetful(BaseHTTPRequestHandler):
    def do_POST(self) -> None:  # the standard library's name
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002  # the standard library's name
        """Nobody wants to read it."""
