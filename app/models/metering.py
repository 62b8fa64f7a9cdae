"""Counts the tokens that a run spends, whichever of its steps asks the model."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass


@dataclass(slots=True)
class TokenMeter:
    """What providers have told of their calls since the meter began; those that tell nothing count for nothing."""

    input_tokens: int = 0
    output_tokens: int = 0

    @property
    def total(self) -> int:
        return self.input_tokens + self.output_tokens


_meter: ContextVar[TokenMeter | None] = ContextVar("token_meter", default=None)


def begin_metering() -> TokenMeter:
    """Count what this context, and every task that it begins from now on, asks of models."""
    meter = TokenMeter()
    _meter.set(meter)
    return meter


def current_meter() -> TokenMeter:
    """That of the present run; a new one where nobody has begun to count."""
    return _meter.get() or TokenMeter()


def spend(input_tokens: int, output_tokens: int) -> None:
    meter = current_meter()
    meter.input_tokens += input_tokens
    meter.output_tokens += output_tokens
