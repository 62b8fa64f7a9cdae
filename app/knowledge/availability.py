"""Remembers for a while that an engine did not answer, so that not everybody waits for it in vain."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import monotonic

from app.errors import VectorsUnavailable


class Availability:
    """After a failure everybody fails at once for `pause_s` seconds; then one finds out whether it answers again."""

    def __init__(self, pause_s: float, now: Callable[[], float] = monotonic) -> None:
        self._pause_s = pause_s
        self._now = now
        self._lock = threading.Lock()
        self._reason = ""
        self._again_at: float | None = None

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask the engine in the block. Raises VectorsUnavailable, by itself while the engine is known not to answer."""
        self._enter()
        try:
            yield
        except VectorsUnavailable as error:
            with self._lock:
                self._reason, self._again_at = error.detail, self._now() + self._pause_s
            raise
        except BaseException:
            self._heard()  # it did answer, if something else
            raise
        self._heard()

    def _heard(self) -> None:
        with self._lock:
            self._again_at = None

    def _enter(self) -> None:
        with self._lock:
            if self._again_at is None:
                return
            if self._now() < self._again_at:
                raise VectorsUnavailable(self._reason)
            self._again_at = self._now() + self._pause_s  # the others go on without while this one finds out
