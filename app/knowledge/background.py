"""Work that an index does beside its searches, one piece at a time."""

from __future__ import annotations

import threading
from collections.abc import Callable
from logging import getLogger

from app.errors import StorageUnavailable
from app.knowledge.snapshots import Cancelled

log = getLogger("llmops.embedding")


class Background:
    """Runs work in a thread of its own; work that looks at `closing` now and then lets the process end soon."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        self.closing = threading.Event()

    def start(self, work: Callable[[], None]) -> None:
        """Do nothing when something is running already: who asks again later will be heard."""
        with self._lock:
            if self.closing.is_set() or (self._thread is not None and self._thread.is_alive()):
                return
            self._thread = threading.Thread(target=self._run, args=(work,), name=self._name)
            self._thread.start()

    def settle(self) -> None:
        thread = self._thread
        if thread is not None:
            thread.join()

    def close(self) -> None:
        self.closing.set()
        self.settle()

    def _run(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Cancelled:
            pass
        except (OSError, StorageUnavailable) as error:
            # The index goes on as it is; the next change tries again.
            log.warning("background_failed", extra={"index": self._name, "reason": str(error)})
