"""From a request to the work that it leaves to others of its process, which comes later and in another thread."""

from __future__ import annotations

from collections import OrderedDict
from contextlib import AbstractContextManager
from threading import Lock
from typing import Final

from app.telemetry import traces
from app.telemetry.traces import Span

_MOST: Final = 4_096
"""What a process remembers; work that nobody has begun by then is a trace of its own."""


class SpanLinks:
    """The spans that asked for work, by its id. Safe to use from any thread; empty where no spans are collected."""

    def __init__(self) -> None:
        self._spans: OrderedDict[str, Span] = OrderedDict()
        self._lock = Lock()

    def remember(self, work_id: str) -> None:
        """Note that the span that goes on has asked for this work."""
        if not traces.is_collecting():
            return
        with self._lock:
            self._spans[work_id] = traces.current()
            if len(self._spans) > _MOST:
                self._spans.popitem(last=False)

    def below(self, work_id: str) -> AbstractContextManager[None]:
        """Do the work of the block as part of the trace that asked for it, else of the present one."""
        with self._lock:
            asked_by = self._spans.get(work_id)
        return traces.below(asked_by or traces.current())
