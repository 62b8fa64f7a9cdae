"""What operators hear of a run: its lines in the log, its numbers and its span, and nothing of what it was about."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from logging import getLogger
from typing import Any

from app.errors import LlmopsError
from app.models.metering import begin_metering
from app.telemetry import context, metrics, traces
from app.telemetry.traces import span

log = getLogger("llmops.rag")


def context_of_run(run_id: str, thread_id: str, tenant: str) -> Context:
    """A fresh one, which knows whose run it is and counts what it spends."""
    fresh = Context()
    context.carry_into(fresh)
    traces.carry_into(fresh)
    fresh.run(context.run_id.set, run_id)
    fresh.run(context.thread_id.set, thread_id)
    fresh.run(context.tenant.set, tenant)
    fresh.run(begin_metering)
    return fresh


@contextmanager
def observed_run() -> Iterator[None]:
    """Around the whole of a run, in its own context."""
    with metrics.run_in_progress(), span("run", **context.logged()):
        yield


def tell_answer(answer: Mapping[str, Any]) -> None:
    """`answer` is an `Answer` as JSON."""
    metrics.finished_run(answer)
    facts = {
        "agent": answer["agent"],
        "mode": answer["mode"],
        "refused": answer["refused"],
        "degraded": ",".join(answer["degraded"]),
        "citations": len(answer["citations"]),
    }
    tokens = {f"gen_ai.usage.{name}": count for name, count in answer["usage"].items()}
    traces.current().note(traces.named(facts) | tokens)
    log.info("run_finished", extra=facts | {"total_ms": answer["timings_ms"]["total"]})


def tell_interrupt() -> None:
    """A research has ended with its plan."""
    metrics.unanswered_run("waiting")


def tell_cancelled() -> None:
    """Nobody waits for the answer any more."""
    metrics.unanswered_run("cancelled")


def tell_failure(error: Exception) -> None:
    code = error.code if isinstance(error, LlmopsError) else LlmopsError.code
    metrics.unanswered_run("failed", code)
    traces.current().fail(code)
