"""Times the service beside bare libraries doing the same, turn by turn, so that both meet the same load."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from statistics import median
from time import perf_counter
from typing import Any


@dataclass(frozen=True)
class Measurement:
    """Medians. `ratio` says how many times the baseline the service is; `details` goes into the JSON."""

    name: str
    unit: str
    value: float
    baseline: float | None = None
    baseline_name: str = ""
    more_is_better: bool = False
    details: dict[str, Any] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        return self.value / self.baseline if self.baseline else None


def time_in_turn(
    first: Callable[[int], object], second: Callable[[int], object], repetitions: int
) -> tuple[list[float], list[float]]:
    """Seconds of each call with 0, 1, …; one call of each goes before and does not count."""
    first(0)
    second(0)
    pairs = [(_seconds(first, turn), _seconds(second, turn)) for turn in range(repetitions)]
    return [pair[0] for pair in pairs], [pair[1] for pair in pairs]


async def time_async_in_turn(
    first: Callable[[int], Awaitable[object]], second: Callable[[int], object], repetitions: int
) -> tuple[list[float], list[float]]:
    """As `time_in_turn`, where the service has to be awaited."""
    await first(0)
    second(0)
    elapsed, bare = [], []
    for turn in range(repetitions):
        started = perf_counter()
        await first(turn)
        elapsed.append(perf_counter() - started)
        bare.append(_seconds(second, turn))
    return elapsed, bare


def in_ms(seconds: Sequence[float]) -> float:
    return median(seconds) * 1000


def spread_ms(seconds: Sequence[float]) -> dict[str, float]:
    """Quantiles in milliseconds; with few repetitions p95 is the slowest of them."""
    ordered = sorted(seconds)
    return {
        "repetitions": len(ordered),
        "min": round(ordered[0] * 1000, 3),
        "p50": round(median(ordered) * 1000, 3),
        "p95": round(ordered[min(len(ordered) - 1, int(len(ordered) * 0.95))] * 1000, 3),
    }


def _seconds(work: Callable[[int], object], turn: int) -> float:
    started = perf_counter()
    work(turn)
    return perf_counter() - started
