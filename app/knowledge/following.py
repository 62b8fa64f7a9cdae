"""Keeps the indexes near the store, so that a search after much has changed elsewhere need not take it all in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from logging import getLogger

from app.errors import LlmopsError

log = getLogger("llmops.embedding")

_EVERY_S = 1.0
_AFTER_FAILURE_S = 10.0


class Following:
    """Calls `catch_up` each second in a thread of its own, from `start` to `close`; searches go on doing so as well.

    Failures are those that the next search reports by itself, so they are only noted, and tried again later.
    """

    def __init__(self, catch_up: Callable[[], None], *, every_s: float = _EVERY_S) -> None:
        self._catch_up = catch_up
        self._every_s = every_s
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="following")

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        """Wait for a change that is being taken in."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _follow(self) -> None:
        wait_s = self._every_s
        while not self._ended.wait(wait_s):
            wait_s = self._every_s
            try:
                self._catch_up()
            except LlmopsError as error:
                log.debug("following_failed", extra={"code": error.code, "reason": error.detail})
                wait_s = _AFTER_FAILURE_S
            except Exception:  # the last resort: nobody would notice that the thread has ended
                log.exception("following_failed")
                wait_s = _AFTER_FAILURE_S
