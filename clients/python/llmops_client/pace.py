"""How long to wait, and how often to try again."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx

from llmops_client.errors import TimedOut

# The service ends a run after its own limit; this only guards against one that died without closing.
DEFAULT_TIMEOUT = httpx.Timeout(150, connect=5)

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 1.0


def pauses_between_tries(retries: int) -> Iterator[float]:
    """A pause for each further try, each twice as long as the one before."""
    return (0.1 * 2**number for number in range(retries))


def pauses_until(timeout: float | None) -> Iterator[float]:
    """Pauses between looks at something that takes its time.

    Raises:
        TimedOut: `timeout` seconds are over.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    pause = _FIRST_PAUSE_S
    while True:
        if deadline is not None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimedOut(f"The job was not finished after {timeout:g} s", code="timed_out")
            pause = min(pause, left)
        yield pause
        pause = min(1.5 * pause, _LONGEST_PAUSE_S)
