"""The API as a process of its own: from its start to its first answer, and what it then holds in memory."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory, TemporaryFile
from time import perf_counter, sleep
from typing import IO

import httpx

from benchmarks.datasets import PROJECT
from benchmarks.timing import Measurement

SERVICE = (sys.executable, "-m", "app.cli", "serve", "--host", "127.0.0.1", "--port")

_READY_WITHIN_S = 120.0
_BARE_SERVER = """
import sys, uvicorn
from fastapi import FastAPI
app = FastAPI()
app.add_api_route("/health", lambda: {"status": "ok"})
uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_config=None)
"""


@dataclass(frozen=True)
class _Start:
    ready_s: float
    resident_mb: float | None


def measure_server(*, warm_starts: int) -> Iterator[Measurement]:
    """Cold is a start without compiled bytecode, as the first after an installation; the page cache is as it is."""
    with (
        TemporaryDirectory(prefix="llmops-measured-") as one,
        TemporaryDirectory(prefix="llmops-measured-") as two,
    ):
        service, bare_server = environment_below(Path(one)), environment_below(Path(two))
        pairs = [(_start_service(service), _start_bare(bare_server)) for _ in range(1 + warm_starts)]
    (cold, bare_cold), warm = pairs[0], pairs[1:]
    name = "bare FastAPI on uvicorn"
    yield Measurement("API start to ready, cold", "s", cold.ready_s, bare_cold.ready_s, name)
    yield _compare_warm(
        "API start to ready, warm", "s", name, [(start.ready_s, bare.ready_s) for start, bare in warm]
    )
    resident = [
        (start.resident_mb, bare.resident_mb)
        for start, bare in warm
        if start.resident_mb and bare.resident_mb
    ]
    if resident:
        yield _compare_warm("API resident after its first answer", "MB", name, resident)


def _compare_warm(
    name: str, unit: str, baseline_name: str, pairs: Sequence[tuple[float, float]]
) -> Measurement:
    ours, bare = zip(*pairs, strict=True)
    details = {"ours": [round(value, 2) for value in ours], "bare": [round(value, 2) for value in bare]}
    return Measurement(name, unit, median(ours), median(bare), baseline_name, details=details)


def _start_service(environment: Mapping[str, str]) -> _Start:
    with running(SERVICE, environment) as (process, client, ready_s):
        client.post(
            "/index", json={"documents": [{"text": "The notice period is two months."}]}
        ).raise_for_status()
        answer = client.post("/ask", json={"question": "What is the notice period?", "mode": "demo"})
        assert answer.raise_for_status().json()["citations"], "the answer cites nothing"
        return _Start(ready_s, resident_mb(process.pid).get("VmRSS"))


def _start_bare(environment: Mapping[str, str]) -> _Start:
    with running([sys.executable, "-c", _BARE_SERVER], environment) as (process, _, ready_s):
        return _Start(ready_s, resident_mb(process.pid).get("VmRSS"))


@contextmanager
def running(
    command: Sequence[str], environment: Mapping[str, str]
) -> Iterator[tuple[subprocess.Popen[bytes], httpx.Client, float]]:
    """Run `command` with a free port behind it until it answers; gives it, a client, and the seconds that took."""
    port = free_port()
    started = perf_counter()
    with (
        TemporaryFile() as output,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=60, trust_env=False) as client,
    ):
        process = subprocess.Popen(
            [*command, str(port)], cwd=PROJECT, env=environment, stdout=output, stderr=subprocess.STDOUT
        )
        try:
            while not _is_ready(client):
                if process.poll() is not None or perf_counter() - started > _READY_WITHIN_S:
                    raise AssertionError(f"{command} did not become ready:\n{_last_lines(output)}")
                sleep(0.01)
            yield process, client, perf_counter() - started
        finally:
            process.terminate()
            process.wait(timeout=30)


def _last_lines(output: IO[bytes], count: int = 15) -> str:
    output.seek(0)
    return b"\n".join(output.read().splitlines()[-count:]).decode(errors="replace")


def _is_ready(client: httpx.Client) -> bool:
    try:
        return client.get("/health").status_code == 200
    except httpx.TransportError:
        return False


def environment_below(folder: Path) -> dict[str, str]:
    """Nothing of the user's data is touched; bytecode is compiled anew into an empty folder, and kept there."""
    inherited = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return inherited | {
        "LLMOPS_DATA_DIR": str(folder / "data"),
        "LLMOPS_LOG_DIR": str(folder / "logs"),
        "LLMOPS_DATABASE_URL": f"sqlite:///{folder / 'measured.db'}",
        "PYTHONPYCACHEPREFIX": str(folder / "bytecode"),
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def resident_mb(pid: int) -> dict[str, float]:
    """What one process holds in memory: VmRSS, of it RssAnon its own and RssFile pages of files that others share.

    Empty where the system does not tell in Linux's way.
    """
    status = Path(f"/proc/{pid}/status")
    if not status.exists():
        return {}
    fields = (line.split() for line in status.read_text().splitlines())
    wanted = {"VmRSS:", "RssAnon:", "RssFile:"}
    return {field[0].rstrip(":"): int(field[1]) / 1024 for field in fields if field and field[0] in wanted}


def cpu_s(pid: int) -> float:
    """Seconds of CPU that a process and its finished children have used; Linux tells."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")
