"""How long work that can wait waits for a provider that refuses."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from app.errors import ModelRateLimited
from app.models.retry import MAX_ATTEMPTS, pause_before_retry, requested_pause, with_patience


def refusing(times: int, error: ModelRateLimited) -> tuple[list[float], object]:
    """The pauses of a call that is refused so often, and what came of it."""
    pauses: list[float] = []

    def call() -> str:
        if len(pauses) < times:
            raise error
        return "vectors"

    return pauses, with_patience(call, sleep=pauses.append)


def test_the_pauses_double_up_to_a_minute() -> None:
    pauses, result = refusing(9, ModelRateLimited())
    assert result == "vectors"
    for pause, expected in zip(pauses, [1, 2, 4, 8, 16, 32, 60, 60, 60], strict=True):
        assert expected <= pause <= 1.25 * expected


def test_the_provider_may_ask_for_longer_ones() -> None:
    pauses, _ = refusing(1, ModelRateLimited(retry_after_s=20))
    assert 20 <= pauses[0] <= 25


@pytest.mark.parametrize(
    ("error", "attempt"),
    [
        (ModelRateLimited(is_final=True), 1),
        (ModelRateLimited(retry_after_s=86_400), 1),
        (ModelRateLimited(), MAX_ATTEMPTS),
    ],
)
def test_there_is_an_end_to_patience(error: ModelRateLimited, attempt: int) -> None:
    assert pause_before_retry(error, attempt) is None
    with pytest.raises(ModelRateLimited):
        refusing(MAX_ATTEMPTS, error)


def test_every_form_of_the_header_is_understood() -> None:
    assert requested_pause({"retry-after": "7"}) == 7
    assert requested_pause({"retry-after-ms": "1500", "retry-after": "2"}) == 1.5
    assert requested_pause({"retry-after": "soon"}) is None
    assert requested_pause({"retry-after": "-3"}) == 0
    assert requested_pause({}) is None
    for moment in (datetime.now(UTC) + timedelta(seconds=30), datetime.now(UTC) - timedelta(days=1)):
        pause = requested_pause({"retry-after": format_datetime(moment, usegmt=True)})
        assert pause is not None
        assert 0 <= pause <= 30
