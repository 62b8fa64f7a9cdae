"""What was found out a moment ago, for questions that anybody may ask as often as he likes."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from time import monotonic
from typing import Generic, TypeVar

T = TypeVar("T")


class Recent(Generic[T]):
    """However many ask, it is found out once at a time and at most every `seconds`."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._lock = asyncio.Lock()
        self._found: tuple[T, float] | None = None

    async def get(self, find_out: Callable[[], Awaitable[T]]) -> T:
        """What `find_out` gives, or has just given to another; what it raises is not kept."""
        async with self._lock:
            if self._found is None or monotonic() - self._found[1] >= self._seconds:
                self._found = (await find_out(), monotonic())
            return self._found[0]
