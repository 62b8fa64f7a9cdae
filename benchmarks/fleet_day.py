"""`make simulate`: a day of replicas that an autoscaler follows, made of what one real server shows on this machine.

First the simulation of one replica is held against that server, under requests that come as they like (open loop).
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from itertools import cycle, islice
from time import perf_counter, sleep
from typing import TYPE_CHECKING, Final

import numpy as np

from benchmarks.fleet import Autoscaler, FleetRun, Replica, Seconds, arrivals_of, daily, simulate, steady
from benchmarks.report import Table, describe_machine, new_figure, save_figure, write_json
from benchmarks.sample_quality import load_expectations
from benchmarks.service import say
from benchmarks.speed_telemetry import SampleServer, serving_samples

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_SHARES: Final = (0.3, 0.5, 0.7)
"""Of what one replica can do, at which the simulation is held against a real one."""
_CLIENTS: Final = 64
_SIMULATED_S: Final = 20_000.0
_DAY_S: Final = 86_400.0
_PEAK: Final = 0.65
_QUIET: Final = 0.05
"""Of what ten replicas can do: the load of a day at noon and at midnight."""


@dataclass(frozen=True, slots=True)
class Check:
    """Latencies in ms under `rate` requests a second: measured, and as the simulation has them."""

    share: float
    rate: float
    requests: int
    measured_p50: float
    simulated_p50: float
    measured_p95: float
    simulated_p95: float


def time_alone(server: SampleServer, questions: Sequence[str], count: int) -> Seconds:
    """Seconds of `count` requests that have the server for themselves, one after another."""
    return np.array([_ask(server, question) for question in islice(cycle(questions), count)])


def measure_capacity(server: SampleServer, questions: Sequence[str], seconds: float) -> float:
    """Requests a second that the server gets done when four callers never pause."""
    until = perf_counter() + seconds

    def ask_on(first: int) -> int:
        done = 0
        while perf_counter() < until:
            _ask(server, questions[(first + done) % len(questions)])
            done += 1
        return done

    with ThreadPoolExecutor(4) as callers:
        return sum(callers.map(ask_on, range(4))) / seconds


def measure_latencies(server: SampleServer, questions: Sequence[str], arrivals: Seconds) -> Seconds:
    """Seconds from the moment at which each request was due to its answer, however many are on their way."""
    began = perf_counter()

    def ask(question: str, due: float) -> float:
        _ask(server, question)
        return perf_counter() - began - due

    with ThreadPoolExecutor(_CLIENTS) as callers:
        asked = []
        for question, due in zip(cycle(questions), arrivals, strict=False):
            sleep(max(0.0, due - (perf_counter() - began)))
            asked.append(callers.submit(ask, question, float(due)))
        return np.array([one.result() for one in asked])


def check(
    server: SampleServer,
    questions: Sequence[str],
    replica: Replica,
    capacity: float,
    seconds: float,
    random: np.random.Generator,
) -> Iterator[Check]:
    one = Autoscaler(least=1, most=1)
    for share in _SHARES:
        rate = share * capacity
        arrivals = arrivals_of(steady(rate), rate, seconds, random)
        measured = FleetRun(arrivals, measure_latencies(server, questions, arrivals))
        long = arrivals_of(steady(rate), rate, _SIMULATED_S, random)
        simulated = simulate(long, replica, one, random)
        yield Check(
            share,
            rate,
            len(arrivals),
            measured.latency_ms(0.5),
            simulated.latency_ms(0.5),
            measured.latency_ms(0.95),
            simulated.latency_ms(0.95),
        )


def main(arguments: Sequence[str] | None = None) -> int:
    chosen = _parse(arguments)
    random = np.random.default_rng(chosen.seed)
    questions = [expectation.question for expectation in load_expectations()]
    machine = describe_machine()
    with serving_samples({}) as server:
        time_alone(server, questions, 20)  # which do not count
        alone = time_alone(server, questions, chosen.requests)
        capacity = measure_capacity(server, questions, chosen.seconds / 2)
        servers = max(1, round(capacity * alone.mean()))
        replica = Replica(servers, alone * (servers / capacity / alone.mean()))
        say(
            f"alone {alone.mean() * 1000:.0f} ms, {capacity:.1f} a second: as {servers} servers of "
            f"{replica.work_s.mean() * 1000:.0f} ms"
        )
        checks = list(check(server, questions, replica, capacity, chosen.seconds, random))
    print(_tabulate(checks).render())
    rate = daily(10 * capacity * _QUIET, 10 * capacity * _PEAK, _DAY_S)
    day = simulate(arrivals_of(rate, 10 * capacity * _PEAK, _DAY_S, random), replica, Autoscaler(), random)
    figures = {
        "requests": len(day.arrivals),
        "most_replicas": max(count for _, count in day.replicas),
        "replica_hours": round(day.replica_hours(), 1),
        **{f"p{round(q * 100)}_ms": round(day.latency_ms(q)) for q in (0.5, 0.95, 0.99)},
    }
    say(f"a day: {figures}")
    payload = {
        "machine": machine,
        "capacity": capacity,
        "checks": [asdict(one) for one in checks],
        "day": figures,
    }
    print(f"Written to {write_json('fleet', payload)}")
    print(f"and {save_figure(_draw(day), 'fleet')}")
    return 0


def _ask(server: SampleServer, question: str) -> float:
    started = perf_counter()
    server.client.post("/ask", json={"question": question, "mode": "demo"}).raise_for_status()
    return perf_counter() - started


def _tabulate(checks: Sequence[Check]) -> Table:
    columns = ("share of capacity", "requests", "p50 ms", "simulated", "p95 ms", "simulated")
    rows = [
        [one.share, one.requests, one.measured_p50, one.simulated_p50, one.measured_p95, one.simulated_p95]
        for one in checks
    ]
    return Table("One real replica beside the simulated one", columns, rows)


def _draw(day: FleetRun) -> Figure:
    """The number of replicas and the latencies of each quarter of an hour, over a day."""
    figure = new_figure(2)
    replicas, latencies = figure.axes
    moments, counts = zip(*day.replicas, strict=True)
    replicas.step([moment / 3600 for moment in moments], counts, where="post")
    replicas.set(xlabel="hour", ylabel="replicas", ylim=(0, None))
    quarter = (day.arrivals // 900).astype(int)
    for quantile, label in ((0.5, "p50"), (0.95, "p95"), (0.99, "p99")):
        values = [
            np.quantile(day.latencies[quarter == number], quantile) * 1000 for number in np.unique(quarter)
        ]
        latencies.plot(np.unique(quarter) / 4, values, label=label)
    latencies.set(xlabel="hour", ylabel="latency, ms", yscale="log")
    latencies.legend()
    return figure


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fleet_day", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long each load is held")
    parser.add_argument("--requests", type=int, default=200, help="requests that are timed alone")
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
