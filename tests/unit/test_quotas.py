"""Limits of what anybody may have within a while, and at the same time."""

from __future__ import annotations

import socket

import pytest

from app.errors import ConfigurationError, Overloaded, TooManyRequests
from app.quotas import Places, Quota


async def test_what_is_used_up_is_refused_with_the_time_to_wait() -> None:
    quota = Quota("requests", "2/minute", "memory://")
    first, second = await quota.use("ann"), await quota.use("ann")
    assert first is not None
    assert second is not None
    assert (first.limit, first.remaining, second.remaining) == (2, 1, 0)
    with pytest.raises(TooManyRequests, match="2 per 1 minute of requests") as refused:
        await quota.use("ann")
    assert 1 <= refused.value.retry_after_s <= 60


async def test_one_does_not_use_up_what_another_has() -> None:
    quota = Quota("requests", "1/hour", "memory://")
    await quota.use("ann")
    assert await quota.use("ben") is not None


async def test_of_several_limits_the_nearest_is_told_and_each_holds() -> None:
    quota = Quota("requests", "3/minute; 2/hour", "memory://")
    allowance = await quota.use("ann")
    assert allowance is not None
    assert (allowance.limit, allowance.remaining) == (2, 1)
    await quota.use("ann")
    with pytest.raises(TooManyRequests, match="2 per 1 hour"):
        await quota.use("ann")


async def test_what_is_counted_afterwards_may_go_over_once() -> None:
    tokens = Quota("tokens", "100/hour", "memory://")
    await tokens.check("north")
    await tokens.count("north", 5_000)
    with pytest.raises(TooManyRequests):
        await tokens.check("north")
    await tokens.check("south")


async def test_without_a_limit_nothing_is_refused() -> None:
    quota = Quota("requests", None, "memory://")
    assert await quota.use("ann", 10**9) is None
    await quota.count("ann", 10**9)
    await quota.check("ann")


async def test_nothing_is_refused_while_the_storage_does_not_answer_which_is_said_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as nobody_listens:
        nobody_listens.bind(("127.0.0.1", 0))
        port = nobody_listens.getsockname()[1]
        quota = Quota("requests", "1/minute", f"redis://127.0.0.1:{port}")
        for _ in range(3):
            assert await quota.use("ann") is None
            await quota.check("ann")
            await quota.count("ann", 10)
    assert [record.message for record in caplog.records] == ["rate_limits_unavailable"]


def test_a_storage_that_does_not_exist_is_a_wrong_setting() -> None:
    with pytest.raises(ConfigurationError, match="LLMOPS_RATE_LIMIT_STORAGE='cellar://'"):
        Quota("requests", "1/minute", "cellar://")


def test_places_are_given_back_and_kept_apart() -> None:
    places = Places(each=1, together=2)
    with places.taken("north"):
        with pytest.raises(TooManyRequests), places.taken("north"):
            pass
        with places.taken("south"), pytest.raises(Overloaded), places.taken("east"):
            pass
    with places.taken("north"), places.taken("south"):
        pass
