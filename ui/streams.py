"""Reads what the service streams beside the page, which can see meanwhile that nobody wants it any more.

Streamlit ends a run of a page only where it draws, and whoever waits for the network does not draw.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import AbstractContextManager, aclosing
from functools import cached_property
from queue import Empty, SimpleQueue
from typing import TypeVar

from anyio.from_thread import BlockingPortal, start_blocking_portal

T = TypeVar("T")

_LOOK_UP_S = 0.1
_END = None


class Streams:
    """One event loop, in a thread of its own, for the streams of all sessions; it starts with the first of them."""

    def close(self, release: Callable[[], Awaitable[None]]) -> None:
        """End every stream, and let go of what they were read from; nothing can be read afterwards."""
        self._portal.start_task_soon(release).result()
        self._loop.__exit__(None, None, None)

    def read(self, begin: Callable[[], AsyncGenerator[T]]) -> Generator[T | None]:
        """Yield what `begin` gives, and None whenever nothing came for a tenth of a second. Closing it closes that.

        Raises:
            Exception: whatever the stream raised.
        """
        arrived: SimpleQueue[T | Exception | None] = SimpleQueue()

        async def pump() -> None:
            try:
                async with aclosing(begin()) as items:
                    async for item in items:
                        arrived.put(item)
            except Exception as error:  # noqa: BLE001  # raised where it is read
                arrived.put(error)
            else:
                arrived.put(_END)

        pumping = self._portal.start_task_soon(pump)
        try:
            yield from _taken_from(arrived)
        finally:
            pumping.cancel()

    @cached_property
    def _loop(self) -> AbstractContextManager[BlockingPortal]:
        return start_blocking_portal()

    @cached_property
    def _portal(self) -> BlockingPortal:
        return self._loop.__enter__()


def _taken_from(arrived: SimpleQueue[T | Exception | None]) -> Generator[T | None]:
    while True:
        try:
            item = arrived.get(timeout=_LOOK_UP_S)
        except Empty:
            yield None
            continue
        if item is _END:
            return
        if isinstance(item, Exception):
            raise item
        yield item
