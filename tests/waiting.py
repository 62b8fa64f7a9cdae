"""Waits for what happens beside a test."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic, sleep


def becomes_true(condition: Callable[[], bool], within_s: float = 20.0) -> bool:
    deadline = monotonic() + within_s
    while not condition():
        if monotonic() > deadline:
            return False
        sleep(0.01)
    return True
