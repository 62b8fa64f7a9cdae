"""`make soak`: twenty minutes of twenty clients and of everything that goes wrong, and what is left afterwards.

An API that only takes in, two workers and a stub of a model's server, each a process of its own, on a small disk in
memory. Needs Linux, root for that disk, and Debian's package `libfaketime` for the clock that jumps.
"""

from __future__ import annotations

import argparse
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any, Final

import httpx

from app.settings import EMBEDDED_EMBEDDING_MODEL
from benchmarks.report import Table, describe_machine, write_json
from benchmarks.service import say
from benchmarks.soak_clients import Client, Ledger
from benchmarks.soak_faults import Workers, plan_faults, set_clock, small_disk, with_clock
from benchmarks.soak_judging import Sample, compare_documents, judge, measure_processes, summarise
from benchmarks.speed_server import SERVICE, environment_below, running

_CLIENTS: Final = 20
_WORKERS: Final = 2
_DISK_MB: Final = 600
_SAMPLES_EVERY_S: Final = 5.0
_SETTLE_S: Final = 180.0
_STUB: Final = (sys.executable, "-m", "tests.stub_openai", "--delay", "0.2", "--port")


@dataclass(frozen=True)
class Town:
    """Everything that runs: the API and its process, the model's server, the workers, their disk and their clock."""

    api: httpx.Client
    api_pid: int
    model: httpx.Client
    workers: Workers
    disk: Path
    clock: Path


@contextmanager
def open_town() -> Iterator[Town]:
    with (
        TemporaryDirectory(prefix="llmops-soak-") as disk,
        TemporaryDirectory(prefix="llmops-soak-clock-") as beside,
        small_disk(Path(disk), _DISK_MB),
        running(_STUB, environment_below(Path(beside))) as (_, model, _),
    ):
        clock = Path(beside) / "clock"
        environment = with_clock(_environment(Path(disk), str(model.base_url)), clock)
        api_alone = environment | {"LLMOPS_INGESTION_WORKERS": "0", "LLMOPS_BATCH_CONCURRENCY": "0"}
        with running(SERVICE, api_alone) as (process, api, _):
            workers = Workers(_WORKERS, environment)
            try:
                yield Town(api, process.pid, model, workers, Path(disk), clock)
            finally:
                set_clock(clock, "+0")
                workers.stop()


def _environment(disk: Path, model_url: str) -> dict[str, str]:
    environment = environment_below(disk) | {
        "OPENAI_API_KEY": "sk-soak",
        "OPENAI_BASE_URL": f"{model_url.rstrip('/')}/v1",
        "LLMOPS_EMBEDDING_MODEL": EMBEDDED_EMBEDDING_MODEL,
        "LLMOPS_REQUEST_TIMEOUT_S": "30",
        "USE_DEMO_MODE": "false",
        "LOG_LEVEL": "WARNING",
    }
    del environment["PYTHONPYCACHEPREFIX"]  # compiled files would fill the small disk
    return environment


def soak(town: Town, minutes: float) -> dict[str, Any]:
    """Everything that was seen; `failures` says in words which bars do not hold."""
    ledger, over, samples = Ledger(), threading.Event(), list[Sample]()
    clients = [Client(number, str(town.api.base_url), ledger, over) for number in range(_CLIENTS)]
    threads = [client.thread for client in clients]
    for thread in threads:
        thread.start()
    _go_through(town, minutes * 60, ledger, samples)
    troubled = [f"{thread.name} has died" for thread in threads if not thread.is_alive()]
    over.set()
    for thread in threads:
        thread.join(timeout=120)
    say("the clients have stopped; what is on its way is waited for")
    waited_s = _settle(town.api)
    documents = compare_documents(town.api, ledger)
    troubled += [f"{thread.name} does not stop" for thread in threads if thread.is_alive()]
    return summarise(ledger, samples, documents, waited_s) | {
        "failures": troubled + judge(ledger, samples, documents, minutes * 60)
    }


def _go_through(town: Town, seconds: float, ledger: Ledger, samples: list[Sample]) -> None:
    """Begin and end each fault at its time, and measure the processes between them."""
    began = monotonic()
    faults = plan_faults(town.model, town.workers, town.disk, town.clock)
    due = [(fault.begins, f"{fault.name} begins", fault.begin) for fault in faults]
    due += [(fault.ends, f"{fault.name} ends", fault.end) for fault in faults if fault.ends < 1]
    due.sort(key=lambda step: step[0])
    while (passed := monotonic() - began) < seconds:
        while due and due[0][0] * seconds <= passed:
            _, what, act = due.pop(0)
            act()
            say(f"{passed:6.0f} s  {what}; {sum(ledger.answers.values())} requests so far")
        pids = [town.api_pid, *(process.pid for process in town.workers.processes)]
        samples.append(measure_processes(passed, pids))
        threading.Event().wait(_SAMPLES_EVERY_S)


def _settle(api: httpx.Client) -> float:
    """Wait until nothing is unfinished; gives the seconds that took."""
    began = monotonic()
    while monotonic() - began < _SETTLE_S:
        counts = api.get("/stats").raise_for_status().json()
        if not counts["unfinished"]:
            break
        threading.Event().wait(1)
    return monotonic() - began


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=20.0)
    chosen = parser.parse_args(arguments)
    machine = describe_machine()
    with open_town() as town:
        found = soak(town, chosen.minutes)
    rows = [[route, status, count] for route, status, count in found["answers"]]
    print(Table("Answers", ("route", "status", "count"), rows).render())
    print(f"Written to {write_json('soak', {'machine': machine, 'minutes': chosen.minutes, **found})}")
    for failure in found["failures"]:
        print(f"FAILED: {failure}")
    print({name: value for name, value in found.items() if name not in ("answers", "samples", "failures")})
    return 1 if found["failures"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
