"""How much anybody may have within a while: requests, bytes of uploads, tokens of models; and at the same time: runs.

Counted by the `limits` library, in this process or in a Redis that several share.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from logging import getLogger
from typing import Any, Final

from limits import RateLimitItem, parse_many
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from limits.errors import ConfigurationError as UnknownStorage
from limits.errors import StorageError
from limits.storage import storage_from_string

from app.errors import ConfigurationError, Overloaded, TooManyRequests

log = getLogger("llmops.api")

# A Redis that is lost on the way would otherwise keep every request waiting.
_REDIS: Final[dict[str, Any]] = {
    "implementation": "redispy",
    "socket_connect_timeout": 1.0,
    "socket_timeout": 1.0,
}
_SAID_EVERY_S: Final = 60.0
_LEFT_ALONE_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left of the limit that is nearest to its end; `reset_s` until all of it is there again."""

    limit: int
    remaining: int
    reset_s: int


class Quota:
    """Limits of one kind of thing, as `600/minute; 5000/hour`; None for no limit.

    The window slides: what was used counts less and less as its time passes. While the storage does not answer, nothing
    is limited: it is there to protect the service, and must not take it away.
    """

    def __init__(self, what: str, notation: str | None, storage: str) -> None:
        """Raises ConfigurationError: the storage cannot be used."""
        self._what = what
        self._said_until = self._left_alone_until = 0.0
        self._limits: Sequence[RateLimitItem] = parse_many(notation) if notation else ()
        options = _REDIS if storage.startswith("redis") else {}
        try:
            self._limiter = SlidingWindowCounterRateLimiter(
                storage_from_string(f"async+{storage}", wrap_exceptions=True, **options)
            )
        except (UnknownStorage, ValueError) as error:
            raise ConfigurationError(
                f"LLMOPS_RATE_LIMIT_STORAGE={storage!r} cannot be used: {error}"
            ) from None

    async def use(self, who: str, amount: int = 1) -> Allowance | None:
        """Take so much; None without limits.

        Raises:
            TooManyRequests: it is more than is left.
        """
        try:
            for item in self._items:
                if not await self._limiter.hit(item, self._what, who, cost=amount):
                    raise await self._refusal(item, who)
            return await self._nearest(who)
        except StorageError as error:
            self._note_absence(error)
            return None

    async def check(self, who: str) -> None:
        """Raises TooManyRequests: nothing is left, of what is only counted after it was used."""
        try:
            for item in self._items:
                if not await self._limiter.test(item, self._what, who):
                    raise await self._refusal(item, who)
        except StorageError as error:
            self._note_absence(error)

    async def count(self, who: str, amount: int) -> None:
        """Note what was used, even when it is more than was left."""
        try:
            for item in self._items:
                if not await self._limiter.hit(item, self._what, who, cost=amount):
                    left = (await self._limiter.get_window_stats(item, self._what, who)).remaining
                    await self._limiter.hit(item, self._what, who, cost=left)
        except StorageError as error:
            self._note_absence(error)

    async def aclose(self) -> None:
        """Close the connections to a Redis."""
        bridge = getattr(self._limiter.storage, "bridge", None)
        if bridge is not None:
            await bridge.storage.aclose()

    @property
    def _items(self) -> Sequence[RateLimitItem]:
        """None while the storage is left alone after a failure, so that not every request waits for it in vain."""
        return () if time.monotonic() < self._left_alone_until else self._limits

    def _note_absence(self, error: StorageError) -> None:
        self._left_alone_until = time.monotonic() + _LEFT_ALONE_S
        if time.monotonic() >= self._said_until:
            self._said_until = time.monotonic() + _SAID_EVERY_S
            log.warning("rate_limits_unavailable", extra={"reason": str(error.storage_error)})

    async def _refusal(self, item: RateLimitItem, who: str) -> TooManyRequests:
        stats = await self._limiter.get_window_stats(item, self._what, who)
        wait = max(1, math.ceil(stats.reset_time - time.time()))
        return TooManyRequests(
            f"No more than {item} of {self._what}; try again in {wait} s", retry_after_s=wait
        )

    async def _nearest(self, who: str) -> Allowance | None:
        if not self._items:
            return None
        found = [(item, await self._limiter.get_window_stats(item, self._what, who)) for item in self._items]
        item, stats = min(found, key=lambda pair: pair[1].remaining)
        return Allowance(item.amount, stats.remaining, max(0, math.ceil(stats.reset_time - time.time())))


class Places:
    """How many may be at work at the same time: of one tenant, and in all."""

    def __init__(self, *, each: int, together: int) -> None:
        self._each = each
        self._together = together
        self._taken: Counter[str] = Counter()

    @contextmanager
    def taken(self, tenant: str) -> Iterator[None]:
        """Have a place for the length of a block.

        Raises:
            TooManyRequests: the tenant has all of its places taken.
            Overloaded: all places are taken.
        """
        if self._taken.total() >= self._together:
            raise Overloaded(f"{self._together} questions are being answered, which is as many as may be")
        if self._taken[tenant] >= self._each:
            raise TooManyRequests(
                f"{self._each} questions of yours are being answered, which is as many as may be",
                retry_after_s=1,
            )
        self._taken[tenant] += 1
        try:
            yield
        finally:
            self._taken[tenant] -= 1
            if not self._taken[tenant]:
                del self._taken[tenant]
