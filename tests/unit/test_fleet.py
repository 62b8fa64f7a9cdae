"""The simulation of replicas, against what queueing theory and the autoscaler's rules say."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.fleet import DAY_S, Autoscaler, Replica, arrivals_of, daily, simulate, steady


@pytest.mark.parametrize("busy", [0.3, 0.6, 0.8])
def test_one_server_waits_as_pollaczek_and_khinchin_say(busy: float) -> None:
    random = np.random.default_rng(7)
    work_s = random.exponential(0.1, 200_000)
    rate = busy / work_s.mean()
    arrivals = arrivals_of(steady(rate), rate, 40_000, random)
    run = simulate(arrivals, Replica(1, work_s), Autoscaler(least=1, most=1), random)
    waiting = rate * np.mean(work_s**2) / (2 * (1 - busy))
    assert run.latencies.mean() == pytest.approx(waiting + work_s.mean(), rel=0.05)


def test_two_servers_wait_as_erlang_says() -> None:
    random = np.random.default_rng(8)
    work_s = random.exponential(0.1, 200_000)
    rate, load = 14.0, 14.0 * work_s.mean()
    arrivals = arrivals_of(steady(rate), rate, 20_000, random)
    run = simulate(arrivals, Replica(2, work_s), Autoscaler(least=1, most=1), random)
    all_busy = (load**2 / 2) / (1 - load / 2)
    delayed = all_busy / (1 + load + all_busy)
    waiting = delayed * work_s.mean() / (2 - load)
    assert run.latencies.mean() == pytest.approx(waiting + work_s.mean(), rel=0.05)


@pytest.mark.parametrize(
    ("present", "busy", "wanted"),
    [(3, 0.7, 3), (3, 0.75, 3), (3, 0.9, 4), (3, 0.1, 3), (8, 0.35, 4), (9, 1.0, 10), (1, 5.0, 5)],
)
def test_the_autoscaler_recommends_as_kubernetes_does(present: int, busy: float, wanted: int) -> None:
    assert Autoscaler(least=1 if present == 1 else 3).recommend(present, busy) == wanted


def test_replicas_follow_the_day_and_leave_late() -> None:
    random = np.random.default_rng(9)
    day_s = 14_400.0
    arrivals = arrivals_of(daily(4, 60, day_s), 60, day_s, random)
    run = simulate(arrivals, Replica(2, np.full(10, 0.2)), Autoscaler(), random)
    counts = dict(run.replicas)
    assert max(counts.values()) in (9, 10)
    assert run.replicas[-1][1] < 6
    first_up = next(moment for moment, count in run.replicas if count > 3)
    shrinks = [
        later[0] for now, later in zip(run.replicas, run.replicas[1:], strict=False) if later[1] < now[1]
    ]
    assert first_up < day_s / 2 < shrinks[-1]
    assert run.latency_ms(0.5) < 400


def test_a_day_is_quiet_at_midnight_and_busy_at_noon() -> None:
    rate = daily(2, 10)
    assert rate(0) == pytest.approx(2)
    assert rate(DAY_S / 2) == pytest.approx(10)
    assert rate(DAY_S / 4) == pytest.approx(6)


def test_replica_hours_are_those_that_were_paid_for() -> None:
    random = np.random.default_rng(3)
    arrivals = arrivals_of(steady(1.0), 1.0, 7_200, random)
    run = simulate(arrivals, Replica(2, np.full(3, 0.01)), Autoscaler(least=3), random)
    assert run.replica_hours() == pytest.approx(6, rel=0.01)
