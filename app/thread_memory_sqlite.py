"""Conversations in a file of SQLite, which several processes of one machine may share."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Final, cast

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from sqlalchemy import ColumnElement, Select, Table, column, func, select, table
from sqlalchemy.dialects import sqlite

from app.errors import ConfigurationError, StorageUnavailable
from app.thread_database import Parameters, ThreadConnection, ThreadDatabase
from app.thread_memory import ThreadMemory
from app.thread_tables import metadata

_DIALECT: Final = sqlite.dialect(paramstyle="named")
_FORGET_EARLIER: Final = (
    "DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
    "DELETE FROM writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
)
_HELD: Final[dict[str, ColumnElement[bytes]]] = {
    "checkpoints": column("checkpoint"),
    "writes": column("value"),
}
"""LangGraph's tables, and the bytes that they hold."""
_COMPLETE: Final = 1
"""The file's `user_version` when every turn of its checkpoints is recorded; earlier versions left it at 0."""


class _UndoingLock(asyncio.Lock):
    """All threads share a connection: what one run has begun must not go in with what another commits.

    Only who has the lock has begun something: a run that is cancelled while it waits for it undoes nothing.
    """

    def __init__(self, conn: aiosqlite.Connection) -> None:
        super().__init__()
        self._conn = conn

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                await self._conn.rollback()
        finally:
            self.release()


class _Connection(ThreadConnection):
    def __init__(self, connection: aiosqlite.Connection) -> None:
        super().__init__(_DIALECT)
        self._connection = connection

    async def _execute(self, statement: str, parameters: Parameters) -> tuple[list[Any], int]:
        async with self._connection.execute(statement, dict(parameters)) as cursor:
            return list(await cursor.fetchall()), cursor.rowcount

    async def _execute_many(self, statement: str, parameters: Sequence[Parameters]) -> None:
        await self._connection.executemany(statement, [dict(row) for row in parameters])

    def insert(self, table: Table) -> sqlite.Insert:
        return sqlite.insert(table)


class _Database(ThreadDatabase):
    """The checkpointer's connection, whose `lock` each transaction takes: it undoes what is cut off meanwhile."""

    checkpoint_tables = tuple(_HELD)

    def __init__(self, connection: aiosqlite.Connection, lock: asyncio.Lock) -> None:
        self._connection = connection
        self._lock = lock

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ThreadConnection]:
        async with self._lock:
            yield _Connection(self._connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[ThreadConnection]:
        async with self._lock:
            yield _Connection(self._connection)
            await self._connection.commit()

    def remembering(self, text: str) -> list[Select[Any]]:
        return [
            select(column("thread_id")).select_from(table(name)).where(func.instr(held, text.encode()) > 0)
            for name, held in _HELD.items()
        ]

    async def empty_log(self) -> None:
        async with self._lock:
            await self._connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")


class SqliteThreadMemory(ThreadMemory, AsyncSqliteSaver):
    def __init__(self, conn: aiosqlite.Connection) -> None:
        super().__init__(conn)
        self.lock = _UndoingLock(conn)
        self.keep_in(_Database(conn, self.lock))

    @contextmanager
    def translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StorageUnavailable(f"The conversation cannot be {what}: {error}") from error
        except sqlite3.DatabaseError as error:
            self.damage = str(error)
            raise StorageUnavailable(f"The conversation cannot be {what}: {error}") from error

    async def forget_earlier(self, newest: RunnableConfig) -> None:
        place = newest["configurable"]
        key = (str(place["thread_id"]), place["checkpoint_ns"], place["checkpoint_id"])
        async with self.lock:
            for statement in _FORGET_EARLIER:
                await self.conn.execute(statement, key)
            await self.conn.commit()

    async def take_over(self) -> None:
        """Make the tables, where there are none, and record turns that earlier versions left in checkpoints alone."""
        async with self.database.writing() as now:
            await now.create_tables(metadata)
        [(version,)] = await self.conn.execute_fetchall("PRAGMA user_version")
        if version < _COMPLETE:
            for found in [found async for found in self.alist(None)]:  # which has the lock until its end
                await self.record_turns(found.config, found.checkpoint)
            async with self.lock:
                await self.conn.execute(f"PRAGMA user_version = {_COMPLETE}")
                await self.conn.commit()
        await self.plans.list_all(time.time())


@asynccontextmanager
async def open_sqlite_memory(path: Path) -> AsyncIterator[SqliteThreadMemory]:
    """Open the file, creating it where that is needed.

    Raises:
        ConfigurationError: it is no SQLite database, or cannot be opened.
    """
    async with AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(SqliteThreadMemory.from_conn_string(str(path)))
            memory = cast(SqliteThreadMemory, opened)
            await memory.setup()
            await memory.conn.execute("PRAGMA secure_delete = ON")
            await memory.take_over()
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(
                f"{str(path)!r} cannot be used to remember conversations: {error}"
            ) from None
        yield memory
