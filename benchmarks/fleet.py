"""Simulates replicas behind a balancer, whose number an autoscaler like Kubernetes' follows, event by event.

Each replica is as many servers as it has cores with one queue before them (M/G/c). A balancer that knows nothing of the
queues sends each request to any replica that is ready, as a Service does. The autoscaler's rules and its defaults are
those of the HorizontalPodAutoscaler:
https://kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale/
"""

from __future__ import annotations

import heapq
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

Seconds = NDArray[np.float64]

DAY_S: Final = 86_400.0


@dataclass(frozen=True, slots=True)
class Replica:
    """What every replica is like: `work_s` are processor seconds of single requests, to draw from."""

    cores: int
    work_s: Seconds
    ready_after_s: float = 15.0


@dataclass(frozen=True, slots=True)
class Autoscaler:
    """`target` is the share of the processors that should be busy."""

    least: int = 3
    most: int = 10
    target: float = 0.7
    tolerance: float = 0.1
    every_s: float = 15.0
    looks_back_s: float = 300.0
    """For so long the highest recommendation holds, before replicas are taken away."""

    def recommend(self, present: int, busy: float) -> int:
        """How many replicas there should be, where `present` ones are `busy` to this share."""
        ratio = busy / self.target
        wanted = present if abs(ratio - 1) <= self.tolerance else math.ceil(present * ratio)
        at_once = max(present + 4, 2 * present)
        return max(self.least, min(self.most, wanted, at_once))


@dataclass(slots=True)
class FleetRun:
    """What happened: when requests came (s), how long each took (s), and how many replicas there were when."""

    arrivals: Seconds
    latencies: Seconds
    replicas: list[tuple[float, int]] = field(default_factory=list)

    def latency_ms(self, quantile: float) -> float:
        return float(np.quantile(self.latencies, quantile) * 1000)

    def replica_hours(self) -> float:
        ends = [moment for moment, _ in self.replicas[1:]] + [float(self.arrivals[-1])]
        return (
            sum(count * (end - begin) for (begin, count), end in zip(self.replicas, ends, strict=True)) / 3600
        )


class _Pod:
    """One replica: cores that are free, requests that wait for one, and how busy it was since it was last asked."""

    __slots__ = ("busy_s", "free", "ready_at", "waiting")

    def __init__(self, cores: int, ready_at: float) -> None:
        self.free = cores
        self.waiting: deque[int] = deque()
        self.busy_s = 0.0
        self.ready_at = ready_at


def arrivals_of(
    rate: Callable[[float], float], highest: float, until_s: float, rng: np.random.Generator
) -> Seconds:
    """Moments (s) of a Poisson process with `rate` (1/s) at each moment, never above `highest`; by thinning."""
    count = rng.poisson(highest * until_s)
    moments = np.sort(rng.uniform(0, until_s, count))
    kept = rng.uniform(0, highest, count) < np.array([rate(moment) for moment in moments])
    return moments[kept]


def steady(rate: float) -> Callable[[float], float]:
    """As many requests a second at every moment."""
    return lambda _: rate


def daily(quiet: float, busy: float, day_s: float = DAY_S) -> Callable[[float], float]:
    """Requests a second over a day that is quiet at midnight and busy at noon."""
    return lambda moment: quiet + (busy - quiet) * (1 - math.cos(2 * math.pi * moment / day_s)) / 2


def simulate(
    arrivals: Seconds, replica: Replica, autoscaler: Autoscaler, rng: np.random.Generator
) -> FleetRun:
    """Let the requests come, starting with the least number of replicas, all ready."""
    return _Fleet(arrivals, replica, autoscaler, rng).run()


class _Fleet:
    def __init__(
        self, arrivals: Seconds, replica: Replica, autoscaler: Autoscaler, rng: np.random.Generator
    ) -> None:
        self._arrivals = arrivals
        self._work = rng.choice(replica.work_s, len(arrivals))
        self._lots = rng.random(len(arrivals))
        self._replica = replica
        self._autoscaler = autoscaler
        self._pods = [_Pod(replica.cores, 0.0) for _ in range(autoscaler.least)]
        self._ends: list[tuple[float, int, _Pod]] = []
        self._recommended: deque[tuple[float, int]] = deque()
        self._result = FleetRun(arrivals, np.zeros(len(arrivals)), [(0.0, autoscaler.least)])

    def run(self) -> FleetRun:
        next_look = self._autoscaler.every_s
        for request, moment in enumerate(self._arrivals):
            while min(next_look, self._next_end()) <= moment:
                if next_look < self._next_end():
                    self._scale(next_look)
                    next_look += self._autoscaler.every_s
                else:
                    self._finish()
            self._send(request, float(moment))
        while self._ends:
            self._finish()
        return self._result

    def _next_end(self) -> float:
        return self._ends[0][0] if self._ends else math.inf

    def _send(self, request: int, moment: float) -> None:
        ready = [pod for pod in self._pods if pod.ready_at <= moment]
        pod = ready[int(self._lots[request] * len(ready))]
        if pod.free:
            self._begin(pod, request, moment)
        else:
            pod.waiting.append(request)

    def _begin(self, pod: _Pod, request: int, moment: float) -> None:
        pod.free -= 1
        heapq.heappush(self._ends, (moment + self._work[request], request, pod))

    def _finish(self) -> None:
        moment, request, pod = heapq.heappop(self._ends)
        self._result.latencies[request] = moment - self._arrivals[request]
        pod.busy_s += self._work[request]
        pod.free += 1
        if pod.waiting:
            self._begin(pod, pod.waiting.popleft(), moment)

    def _scale(self, moment: float) -> None:
        """Pods that are not ready count with no load, so that one that starts is waited for."""
        present = len(self._pods)
        seconds = present * self._replica.cores * self._autoscaler.every_s
        busy = sum(pod.busy_s for pod in self._pods) / seconds
        for pod in self._pods:
            pod.busy_s = 0.0
        self._recommended.append((moment, self._autoscaler.recommend(present, busy)))
        while self._recommended[0][0] < moment - self._autoscaler.looks_back_s:
            self._recommended.popleft()
        newest = self._recommended[-1][1]
        wanted = newest if newest > present else min(present, max(count for _, count in self._recommended))
        if wanted != present:
            ready_at = moment + self._replica.ready_after_s
            self._pods += [_Pod(self._replica.cores, ready_at) for _ in range(wanted - present)]
            del self._pods[wanted:]  # a pod that is taken away finishes what it has
            self._result.replicas.append((moment, wanted))
