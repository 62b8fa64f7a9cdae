"""Tells the work on a document whether to go on, and others how far it is."""

from __future__ import annotations

import threading
from collections.abc import Callable

from app.errors import LeaseLost
from app.knowledge.document_queue import Claim, DocumentQueue
from app.schemas import DocumentStatus

Progress = Callable[[DocumentStatus, int, int], None]
"""Called with the stage and how many of how many units of it are done."""


class WorkerStopping(Exception):
    """This process ends; the document goes back into the queue as it is."""


class Watch:
    """One document's work as seen from other threads: they may end it, and read nothing of it."""

    def __init__(self, claim: Claim, queue: DocumentQueue, on_progress: Progress | None = None) -> None:
        self.claim = claim
        self.is_over = threading.Event()
        self._queue = queue
        self._on_progress = on_progress
        self._reason: LeaseLost | WorkerStopping | None = None

    def end(self, reason: LeaseLost | WorkerStopping) -> None:
        """Let the work end as soon as it looks; may be called from any thread."""
        self._reason = self._reason or reason
        self.is_over.set()

    def check(self) -> None:
        """Raises LeaseLost or WorkerStopping when the work is to end."""
        if self._reason is not None:
            raise self._reason

    def report(self, status: DocumentStatus, done: int, total: int, *, durably: bool) -> None:
        """Say how far the work is, to other processes too where it takes long; raises as `check`."""
        self.check()
        if durably:
            self._queue.report(self.claim, status, done, total)
        if self._on_progress is not None:
            self._on_progress(status, done, total)
