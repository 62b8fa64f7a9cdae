"""One request to a model as operators see it: how long it took, how it ended, and what it cost."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Literal

from app.errors import LlmopsError
from app.models.metering import spend
from app.models.provider import ProviderFailure
from app.telemetry import metrics
from app.telemetry.traces import Span, span_of_call

if TYPE_CHECKING:
    from langchain_core.messages import AIMessage

Operation = Literal["chat", "embeddings"]


@dataclass(frozen=True, slots=True)
class ModelCall:
    """A request that goes on; `model` is `provider:name`."""

    model: str
    span: Span

    def count(self, message: AIMessage) -> None:
        """Take down the tokens that the provider tells of, if it tells of any."""
        if (usage := message.usage_metadata) is None:
            return
        read, written = usage["input_tokens"], usage["output_tokens"]
        spend(read, written)
        metrics.spent_tokens(self.model, read, written)
        self.span.note({"gen_ai.usage.input_tokens": read, "gen_ai.usage.output_tokens": written})


@contextmanager
def model_call(model: str, operation: Operation) -> Iterator[ModelCall]:
    """Observe one attempt; one that is given up, because time is up or nobody waits any more, is `cancelled`."""
    provider, _, name = model.partition(":")
    attributes = {
        "gen_ai.operation.name": operation,
        "gen_ai.provider.name": provider,
        "gen_ai.request.model": name,
    }
    started, outcome = perf_counter(), "cancelled"
    try:
        with span_of_call(f"{operation} {name}", attributes) as span:
            yield ModelCall(model, span)
        outcome = "ok"
    except (ProviderFailure, LlmopsError) as failure:
        outcome = failure.code
        raise
    finally:
        metrics.called_model(model, outcome, perf_counter() - started)
