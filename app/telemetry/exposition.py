"""All metrics in the text format of Prometheus: of this process, or of all workers of one server.

Several workers share a folder that `PROMETHEUS_MULTIPROC_DIR` names: each keeps its numbers in files there, and
whichever is asked adds them up.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
    start_http_server,
)
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead
from prometheus_client.registry import Collector

from app.telemetry.metrics import REGISTRY

__all__ = ["MEDIA_TYPE", "SHARED_FOLDER", "Metric", "expose", "gauge", "serve_metrics"]

SHARED_FOLDER: Final = "PROMETHEUS_MULTIPROC_DIR"
MEDIA_TYPE: Final = CONTENT_TYPE_LATEST


def gauge(name: str, what: str, values: Iterable[tuple[tuple[str, ...], float]], *labels: str) -> Metric:
    """Numbers that are read when they are asked for, each with the values of the labels."""
    family = GaugeMetricFamily(f"llmops_{name}", what, labels=labels)
    for label_values, value in values:
        family.add_metric(label_values, value)
    return family


def _workers(count: int) -> Metric:
    return gauge("workers", "Processes of this server that live", [((), count)])


class _State(Collector):
    def __init__(self, read: Callable[[], Iterable[Metric]]) -> None:
        self._read = read

    def collect(self) -> Iterable[Metric]:
        return self._read()

    def describe(self) -> Iterable[Metric]:
        return []


class _Workers(Collector):
    """The processes of all workers that live, added up under the names that every client library gives."""

    def __init__(self, pids: Iterable[int]) -> None:
        self._of_each = [ProcessCollector(pid=lambda pid=pid: pid, registry=None) for pid in pids]  # type: ignore[misc]

    def collect(self) -> Iterable[Metric]:
        sums: dict[str, Metric] = {}
        for collector in self._of_each:
            for metric in collector.collect():
                known = sums.setdefault(metric.name, metric)
                if known is metric:
                    continue
                pick = min if metric.name == "process_start_time_seconds" else sum
                known.samples = [
                    a._replace(value=pick((a.value, b.value)))
                    for a, b in zip(known.samples, metric.samples, strict=True)
                ]
        return sums.values()


def expose(state: Callable[[], Iterable[Metric]]) -> bytes:
    """Everything that is counted, and what `state` reads now. Blocking."""
    registry = CollectorRegistry()
    registry.register(_State(state))
    folder = os.environ.get(SHARED_FOLDER)
    if folder is None:
        registry.register(_State(lambda: [_workers(1)]))
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        return generate_latest(REGISTRY) + generate_latest(registry)
    living = _living(Path(folder))
    registry.register(_State(lambda: [_workers(len(living))]))
    registry.register(_Workers(living))
    MultiProcessCollector(registry, folder)  # type: ignore[no-untyped-call]
    return generate_latest(registry)


def serve_metrics(host: str, port: int) -> None:
    """Answer Prometheus in a thread that ends with this process, which serves nothing else. Raises OSError."""
    start_http_server(port, host, registry=REGISTRY)


@contextmanager
def shared_metrics() -> Iterator[None]:
    """Let the worker processes that are started in the block count together, and nobody else with them.

    Their folder lies in the one that the environment names already, else among temporary files, and goes in the end.
    """
    chosen = os.environ.get(SHARED_FOLDER)
    with TemporaryDirectory(prefix="llmops-metrics-", dir=chosen) as folder:
        os.environ[SHARED_FOLDER] = folder
        try:
            yield
        finally:
            del os.environ[SHARED_FOLDER]


def _living(folder: Path) -> list[int]:
    """The workers that still run; numbers of the present that others have left are taken out."""
    pids = {int(file.stem.rpartition("_")[2]) for file in folder.glob("*.db")}
    living = {pid for pid in pids if _is_alive(pid)}
    for pid in pids - living:
        with suppress(FileNotFoundError):  # another worker is doing the same
            mark_process_dead(pid, str(folder))  # type: ignore[no-untyped-call]
    return sorted(living)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
