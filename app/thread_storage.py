"""Opens the conversations where the configuration has them: in a file of the data directory, or in PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from app.errors import ConfigurationError
from app.knowledge.database import database_file
from app.settings import Settings
from app.thread_locks import FileThreadLocks, ThreadLocks
from app.thread_memory import ThreadMemory
from app.thread_memory_sqlite import open_sqlite_memory

_FILE: Final = "threads.db"


@dataclass(frozen=True, slots=True)
class ThreadStorage:
    """What was said, and who may go on with it."""

    memory: ThreadMemory
    locks: ThreadLocks


def are_on_server(settings: Settings) -> bool:
    """Whether the conversations are elsewhere than in the data directory."""
    return database_file(settings.effective_database_url) is None


@asynccontextmanager
async def open_threads(settings: Settings) -> AsyncIterator[ThreadStorage]:
    """Raises `ConfigurationError` where the conversations cannot be kept."""
    if are_on_server(settings):
        async with _open_postgres(settings.effective_database_url) as storage:
            yield storage
    else:
        async with _open_files(settings.data_dir) as storage:
            yield storage


@asynccontextmanager
async def _open_files(folder: Path) -> AsyncIterator[ThreadStorage]:
    async with open_sqlite_memory(folder / _FILE) as memory:
        with closing(await asyncio.to_thread(FileThreadLocks, folder / "threads.lock")) as locks:
            yield ThreadStorage(memory, locks)


@asynccontextmanager
async def _open_postgres(url: str) -> AsyncIterator[ThreadStorage]:
    from app.thread_leases import ThreadLeases, lease_metadata

    try:
        from app.thread_memory_postgres import open_postgres_memory
    except ModuleNotFoundError as missing:
        raise ConfigurationError(
            f"LLMOPS_DATABASE_URL needs the package {missing.name}, which the extra `postgres` installs"
        ) from None

    async with open_postgres_memory(url, lease_metadata) as memory, aclosing(ThreadLeases(memory)) as locks:
        locks.start()
        yield ThreadStorage(memory, locks)
