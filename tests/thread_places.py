"""The databases that conversations may lie in, for tests that hold for each of them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from uuid import uuid4

import pytest

from app.thread_leases import lease_metadata
from app.thread_memory import ThreadMemory
from app.thread_memory_postgres import open_postgres_memory
from app.thread_memory_sqlite import open_sqlite_memory
from tests.postgres import empty_database

OpenMemory = Callable[[], AbstractAsyncContextManager[ThreadMemory]]

PLACES = ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)]


def opener(place: str, folder: Path) -> OpenMemory:
    """Opens the same database whenever it is called, which is a new one at first."""
    url = new_database() if place == "postgres" else ""

    @asynccontextmanager
    async def open_memory() -> AsyncIterator[ThreadMemory]:
        if url:
            async with open_postgres_memory(url, lease_metadata) as memory:
                yield memory
        else:
            async with open_sqlite_memory(folder / "threads.db") as memory:
                yield memory

    return open_memory


def new_database() -> str:
    return empty_database(f"threads_{uuid4().hex}")
