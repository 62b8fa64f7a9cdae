"""`make replicas`: many processes that are one service, of which one is killed every minute, and how fast they are.

Three servers, two workers and one PostgreSQL behind nginx on this machine. Clients store, delete, search and ask at
random replicas and look at others whether it has happened; after Ctrl-C what was done is judged. Needs Debian's
packages `postgresql` and `nginx-light`.
"""

from __future__ import annotations

import argparse
import threading
from collections.abc import Iterable, Sequence
from random import Random
from time import monotonic
from typing import Any, Final

from benchmarks.replicas_clients import Client
from benchmarks.replicas_judging import compare_replicas, judge, summarise
from benchmarks.replicas_ledger import Budget, Promises
from benchmarks.replicas_speed import measure_starts, measure_throughput
from benchmarks.replicas_town import Town, open_town
from benchmarks.report import Table, describe_machine, write_json
from benchmarks.service import say

_CLIENTS: Final = 12
_DOWN_S: Final = 3.0
_SETTLE_S: Final = 120.0
_STALLED_S: Final = 300.0
_UNFINISHED: Final = "SELECT document_id FROM documents WHERE status IN ('queued', 'parsing', 'embedding')"
_TOLD: Final = (
    *("done", "took_s", "checks", "cut_off", "kills", "ready_again_s", "stored", "deleted", "unsure"),
    *("until_indexed_ms", "broken", "unexpected"),
)


def run(town: Town, operations: int, kill_every_s: float) -> dict[str, Any]:
    """Everything that was seen; `failures` says in words which promises were broken."""
    promises, budget = Promises(), Budget(operations)
    clients = [Client(number, town, promises, budget) for number in range(_CLIENTS)]
    began = monotonic()
    for client in clients:
        client.thread.start()
    starts = list[float]()
    try:
        _kill_now_and_then(town, [client.thread for client in clients], promises, kill_every_s, starts)
    except KeyboardInterrupt:
        say("no new operations; what was done is judged")
        budget.left = 0
        _wait_for(client.thread for client in clients)
    took_s = monotonic() - began
    waited_s = _settle(town)
    stuck = [f"{client.thread.name} does not end" for client in clients if client.thread.is_alive()]
    documents = compare_replicas(town, promises)
    found = summarise(promises, documents, took_s)
    found |= {"kills": _kills(town), "ready_again_s": starts, "settled_after_s": round(waited_s, 1)}
    return found | {"failures": stuck + judge(promises, documents)}


def _kill_now_and_then(
    town: Town,
    threads: Sequence[threading.Thread],
    promises: Promises,
    every_s: float,
    starts: list[float],
) -> None:
    """Until all clients are done; `starts` gets the seconds that servers took from their start to ready again."""
    lots = Random(8)  # reproducible, not secret  # nosec B311
    next_kill, last_count, last_change = monotonic() + every_s, 0, monotonic()
    while any(thread.is_alive() for thread in threads):
        threading.Event().wait(1)
        done = sum(promises.done.values())
        last_change = monotonic() if done != last_count else last_change
        last_count = done
        if monotonic() - last_change > _STALLED_S:
            break
        if every_s and monotonic() >= next_kill:
            member = lots.choice(town.members)
            say(f"{done:6} operations, {len(promises.broken)} broken; {member.name} is killed")
            member.kill()
            threading.Event().wait(_DOWN_S)
            member.start()
            took_s = member.wait_until_ready()
            if member.address is not None:
                starts.append(round(took_s, 1))
            next_kill = monotonic() + every_s


def _wait_for(threads: Iterable[threading.Thread]) -> None:
    until = monotonic() + _STALLED_S
    for thread in threads:
        thread.join(timeout=max(0.0, until - monotonic()))


def _kills(town: Town) -> dict[str, int]:
    return {member.name: len(member.killed) for member in town.members}


def _settle(town: Town) -> float:
    """Wait until nothing is unfinished; gives the seconds that took."""
    began = monotonic()
    while town.query(_UNFINISHED) and monotonic() - began < _SETTLE_S:
        threading.Event().wait(1)
    return monotonic() - began


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parse(arguments)
    payload: dict[str, Any] = {"machine": describe_machine(), "operations": chosen.operations}
    failures: list[str] = []
    if "promises" in chosen.parts:
        with open_town() as town:
            payload["promises"] = run(town, chosen.operations, chosen.kill_every)
        failures = payload["promises"]["failures"]
        rows = [[route, *values] for route, values in payload["promises"]["latency_ms"].items()]
        print(Table("Latencies in ms", ("route", "count", "p50", "p95", "p99", "max"), rows).render())
    if "speed" in chosen.parts:
        payload["speed"] = measure_throughput(chosen.seconds)
        print(_tabulate("Search", payload["speed"]).render())
    if "starts" in chosen.parts:
        payload["starts"] = measure_starts(chosen.chunks)
        print(_tabulate("From start to ready", payload["starts"]).render())
    print(f"Written to {write_json('replicas', payload)}")
    print({name: value for name, value in payload.get("promises", {}).items() if name in _TOLD})
    for failure in failures:
        print(f"FAILED: {failure}")
    return 1 if failures else 0


def _tabulate(title: str, measured: Sequence[dict[str, Any]]) -> Table:
    return Table(title, tuple(measured[0]), [list(one.values()) for one in measured])


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.replicas", description=__doc__)
    parser.add_argument("--operations", type=int, default=10_000)
    parser.add_argument(
        "--kill-every", type=float, default=60.0, help="seconds between kills; 0 kills nothing"
    )
    parser.add_argument("--seconds", type=float, default=30.0, help="how long each search load is held")
    parser.add_argument("--chunks", type=int, nargs="*", default=[20_000], help="for the starts")
    every = ("promises", "speed", "starts")
    parser.add_argument("--parts", nargs="+", choices=every, default=list(every))
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
