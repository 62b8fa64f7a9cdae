"""The stages of indexing, timed."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Literal

from app.telemetry import metrics
from app.telemetry.traces import span

Stage = Literal["parse", "split", "embed", "commit"]


@contextmanager
def stage(name: Stage) -> Iterator[None]:
    """Time a block that works on one document, or on a group of small ones."""
    started = perf_counter()
    with span(name):
        yield
    metrics.worked_on_document(name, perf_counter() - started)
