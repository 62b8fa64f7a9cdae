"""One run at a time on each thread, among all processes that share the conversations."""

from __future__ import annotations

import fcntl
import hashlib
import os
from abc import ABC, abstractmethod
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path

from app.errors import ConfigurationError, ThreadBusy
from app.tenancy import plain_name

_OFFSET_BITS = 62


class ThreadLocks(ABC):
    @abstractmethod
    def claim(self, thread_id: str) -> AbstractAsyncContextManager[None]:
        """Have the thread for the length of a block.

        Raises:
            ThreadBusy: another run has it.
        """

    async def require_free(self, thread_id: str) -> None:
        """Raises ThreadBusy."""
        async with self.claim(thread_id):
            pass


class FileThreadLocks(ThreadLocks):
    """Locks one byte of a file for each busy thread; the system lets go of them when their process dies.

    Such locks exclude other processes only, so a set excludes other runs of this one. Not for several event loops.
    """

    def __init__(self, path: Path) -> None:
        """Raises `ConfigurationError` where the file cannot be opened."""
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise ConfigurationError(f"{str(path)!r} cannot be opened: {error.strerror}") from None
        self._mine: set[str] = set()

    def close(self) -> None:
        os.close(self._file)

    @asynccontextmanager
    async def claim(self, thread_id: str) -> AsyncIterator[None]:
        offset = _offset(thread_id)
        if thread_id in self._mine or not self._try_lock(offset):
            raise busy(thread_id)
        self._mine.add(thread_id)
        try:
            yield
        finally:
            self._mine.discard(thread_id)
            fcntl.lockf(self._file, fcntl.LOCK_UN, 1, offset)

    def _try_lock(self, offset: int) -> bool:
        try:
            fcntl.lockf(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, offset)
        except OSError:
            return False
        return True


def busy(thread_id: str) -> ThreadBusy:
    return ThreadBusy(
        f"Thread {plain_name(thread_id)!r} is answering another question; wait for it to finish"
    )


def _offset(thread_id: str) -> int:
    digest = hashlib.blake2b(thread_id.encode(), digest_size=8).digest()
    return int.from_bytes(digest) >> (64 - _OFFSET_BITS)
