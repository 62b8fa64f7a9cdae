"""What the service counts and times, for Prometheus; one function for each thing that happens.

Labels have few values: templates of routes, statuses, stages, codes of errors, names of configured models. Never an id,
a name that a user chose, or a path as it was requested.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

Prices = Mapping[str, tuple[float, float]]
"""Of a million tokens that a model reads and of a million that it writes, by the model's name."""

REGISTRY: Final = CollectorRegistry()
_SECONDS: Final = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120)
_SCORES: Final = (0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1)
_METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))


def _counter(name: str, what: str, *labels: str) -> Counter:
    return Counter(f"llmops_{name}", what, labels, registry=REGISTRY)


def _seconds(name: str, what: str, *labels: str) -> Histogram:
    return Histogram(f"llmops_{name}_seconds", what, labels, registry=REGISTRY, buckets=_SECONDS)


def _gauge(name: str, what: str) -> Gauge:
    return Gauge(f"llmops_{name}", what, registry=REGISTRY, multiprocess_mode="livesum")


_REQUESTS = _counter("http_requests", "Requests that were answered", "route", "method", "status")
_REQUEST_SECONDS = _seconds("http_request", "From a request to the end of its answer", "route", "method")
_STREAMS = _gauge("http_streams_open", "Streams of events that somebody is reading")
_RUNS = _counter(
    "runs", "Runs that ended: answered, refused, waiting, cancelled or failed", "agent", "mode", "outcome"
)
_RUNS_IN_PROGRESS = _gauge("runs_in_progress", "Runs that are being worked on")
_RUN_SECONDS = _seconds("run", "From a question to its answer", "agent", "mode")
_STAGE_SECONDS = _seconds("run_stage", "Of the stages of runs", "stage")
_DEGRADED = _counter("degraded", "Runs that were answered with less than is configured", "reason")
_FAILURES = _counter("run_failures", "Runs without an answer, by the code of their error", "code")
_SEARCH_SECONDS = _seconds("search", "Of one search by meaning and words")
_BEST_SCORE = Histogram(
    "llmops_search_best_score", "Of the best passage that a search found; 0 where it found none",
    registry=REGISTRY, buckets=_SCORES,
)  # fmt: skip
_MODEL_CALLS = _counter(
    "model_calls", "Requests to models, by the code of their error or ok", "model", "outcome"
)
_MODEL_SECONDS = _seconds("model_call", "Of one request to a model", "model")
_TOKENS = _counter("model_tokens", "As providers count them", "model", "direction")
_COST = _counter("model_cost", "By LLMOPS_MODEL_PRICES, in their currency", "model")
_INGESTION_SECONDS = _seconds("ingestion_stage", "Of the stages of indexing one document", "stage")
_DOCUMENTS = _counter("documents_processed", "Documents on which work ended", "outcome")
_AUDIT_FAILURES = _counter("audit_failures", "Audit records that could not be written to their file")


@dataclass
class _State:
    """Of this process, as its logging is: whether anything is counted, and what tokens cost."""

    is_on: bool = True
    prices: Prices = field(default_factory=dict)


_state = _State()


def configure_metrics(*, is_on: bool, prices: Prices) -> None:
    _state.is_on, _state.prices = is_on, prices


def answered_request(route: str, method: str, status: int, seconds: float) -> None:
    """`route` is the template of a path, or something else of few values."""
    if _state.is_on:
        known = method if method in _METHODS else "other"
        _REQUESTS.labels(route, known, str(status)).inc()
        _REQUEST_SECONDS.labels(route, known).observe(seconds)


def open_stream() -> AbstractContextManager[None]:
    """While somebody reads a stream of events."""
    return _STREAMS.track_inprogress()


def run_in_progress() -> AbstractContextManager[None]:
    return _RUNS_IN_PROGRESS.track_inprogress()


def finished_run(answer: Mapping[str, Any]) -> None:
    """`answer` is an `Answer` as JSON."""
    if not _state.is_on:
        return
    agent, mode = answer["agent"], answer["mode"]
    _RUNS.labels(agent, mode, "refused" if answer["refused"] else "answered").inc()
    for reason in answer["degraded"]:
        _DEGRADED.labels(reason).inc()
    for stage, milliseconds in answer["timings_ms"].items():
        if stage == "total":
            _RUN_SECONDS.labels(agent, mode).observe(milliseconds / 1000)
        else:
            # The rounds of a research are stages of one kind.
            _STAGE_SECONDS.labels(stage.rstrip("_0123456789")).observe(milliseconds / 1000)


def unanswered_run(outcome: str, code: str | None = None) -> None:
    """`outcome` is `waiting` for the approval of a plan, `cancelled` or `failed`, with the code of the error."""
    if _state.is_on:
        _RUNS.labels("none", "none", outcome).inc()
        if code is not None:
            _FAILURES.labels(code).inc()


def searched(seconds: float, best_score: float) -> None:
    if _state.is_on:
        _SEARCH_SECONDS.observe(seconds)
        _BEST_SCORE.observe(best_score)


def called_model(model: str, outcome: str, seconds: float) -> None:
    """`outcome` is `ok` or the code of an error."""
    if _state.is_on:
        _MODEL_CALLS.labels(model, outcome).inc()
        _MODEL_SECONDS.labels(model).observe(seconds)


def spent_tokens(model: str, read: int, written: int) -> None:
    """What a provider has told of one call."""
    if not _state.is_on:
        return
    _TOKENS.labels(model, "input").inc(read)
    _TOKENS.labels(model, "output").inc(written)
    if (price := _state.prices.get(model)) is not None:
        _COST.labels(model).inc((read * price[0] + written * price[1]) / 1_000_000)


def worked_on_document(stage: str, seconds: float) -> None:
    if _state.is_on:
        _INGESTION_SECONDS.labels(stage).observe(seconds)


def processed_documents(outcome: str, count: int = 1) -> None:
    """`outcome` is `indexed`, `postponed`, `given_up` or `failed`."""
    if _state.is_on:
        _DOCUMENTS.labels(outcome).inc(count)


def failed_to_audit() -> None:
    _AUDIT_FAILURES.inc()
