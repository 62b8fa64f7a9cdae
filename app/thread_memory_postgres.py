"""Conversations in PostgreSQL, which the processes of many machines share."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.postgres.aio import AsyncPostgresSaver
from psycopg import AsyncConnection, Error, OperationalError
from psycopg.rows import DictRow, dict_row, tuple_row
from psycopg_pool import AsyncConnectionPool
from sqlalchemy import (
    ColumnElement,
    MetaData,
    Select,
    Table,
    Text,
    cast,
    column,
    func,
    make_url,
    select,
    table,
)
from sqlalchemy.dialects import postgresql
from sqlalchemy.dialects.postgresql import psycopg

from app.errors import ConfigurationError, StorageUnavailable
from app.knowledge.database_address import shown_address
from app.knowledge.database_postgres import NOTICING
from app.thread_database import Parameters, ThreadConnection, ThreadDatabase
from app.thread_memory import ThreadMemory
from app.thread_tables import metadata

Pool = AsyncConnectionPool[AsyncConnection[DictRow]]

_DIALECT: Final = psycopg.dialect()  # type: ignore[no-untyped-call]
_HELD: Final[dict[str, ColumnElement[str]]] = {
    "checkpoints": cast(column("checkpoint"), Text),
    "checkpoint_blobs": func.encode(column("blob"), "escape"),
    "checkpoint_writes": func.encode(column("blob"), "escape"),
}
"""LangGraph's tables, and as text what they hold."""
_POOL_SIZE: Final = 10
_PATIENCE_S: Final = 10
"""For a connection to the server, and for one that others of this process have."""
_SETUP_LOCK: Final = "SELECT pg_try_advisory_xact_lock(119178151260929) AS is_ours"
"""Tells whether nobody else is making tables; any number that others are unlikely to use.

Without parameters it leaves no portal, whose snapshot would keep LangGraph's indexes from being made concurrently.
"""
_SETUP_PAUSE_S: Final = 0.1
_ONE_MOMENT: Final = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"


class _NoLock(asyncio.Lock):
    """LangGraph's saver has one lock for all its connections, so that a pool would be as slow as its slowest user."""

    async def __aenter__(self) -> None: ...

    async def __aexit__(self, *_: object) -> None: ...


class _Connection(ThreadConnection):
    """PostgreSQL's texts hold no U+0000: each is replaced."""

    def __init__(self, connection: AsyncConnection[DictRow]) -> None:
        super().__init__(_DIALECT)
        self._connection = connection

    async def _execute(self, statement: str, parameters: Parameters) -> tuple[list[Any], int]:
        async with self._connection.cursor(row_factory=tuple_row) as cursor:
            await cursor.execute(statement, {name: _storable(value) for name, value in parameters.items()})
            return await cursor.fetchall() if cursor.description else [], cursor.rowcount

    async def _execute_many(self, statement: str, parameters: Sequence[Parameters]) -> None:
        for row in parameters:
            await self._execute(statement, row)

    def insert(self, table: Table) -> postgresql.Insert:
        return postgresql.insert(table)


def _storable(value: Any) -> Any:
    return value.replace("\0", "\N{REPLACEMENT CHARACTER}") if isinstance(value, str) else value


class _Database(ThreadDatabase):
    checkpoint_tables = tuple(_HELD)

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[ThreadConnection]:
        async with self._pool.connection() as connection, connection.transaction():
            await connection.execute(_ONE_MOMENT)
            yield _Connection(connection)

    @asynccontextmanager
    async def writing(self) -> AsyncIterator[ThreadConnection]:
        async with self._pool.connection() as connection, connection.transaction():
            yield _Connection(connection)

    def remembering(self, text: str) -> list[Select[Any]]:
        return [
            select(column("thread_id")).select_from(table(name)).where(held.contains(text, autoescape=True))
            for name, held in _HELD.items()
        ]

    async def empty_log(self) -> None:
        """The log is the server's own, as are the rows that VACUUM has not yet taken away."""


class PostgresThreadMemory(ThreadMemory, AsyncPostgresSaver):
    def __init__(self, pool: Pool) -> None:
        super().__init__(pool)
        self._pool = pool
        self.lock = _NoLock()
        self.supports_pipeline = (
            False  # else what belongs together is no transaction, and PgBouncer breaks it off
        )
        self.keep_in(_Database(pool))

    @contextmanager
    def translated(self, what: str) -> Iterator[None]:
        try:
            yield
        except Error as error:
            reason = "the server does not answer" if error.sqlstate is None else str(error).partition("\n")[0]
            raise StorageUnavailable(f"The conversation cannot be {what}: {reason}") from error

    async def forget_earlier(self, newest: RunnableConfig) -> None:
        await self.aprune([newest["configurable"]["thread_id"]])

    async def create_tables(self, *more: MetaData) -> None:
        """Make the tables of LangGraph and our own, and `more`, where there are none; one process at a time.

        It asks again and again: waiting within a statement would keep another process from making LangGraph's indexes.
        """
        async with self._pool.connection() as connection, connection.transaction():
            while not await _has_setup_lock(connection):  # noqa: ASYNC110  # of another process
                await asyncio.sleep(_SETUP_PAUSE_S)
            await self.setup()
            for tables in (metadata, *more):
                await _Connection(connection).create_tables(tables)


async def _has_setup_lock(connection: AsyncConnection[DictRow]) -> bool:
    row = await (await connection.execute(_SETUP_LOCK)).fetchone()
    return row is not None and bool(row["is_ours"])


@asynccontextmanager
async def open_postgres_memory(database_url: str, *more: MetaData) -> AsyncIterator[PostgresThreadMemory]:
    """Connect to the database, and make our tables and `more` where there are none.

    Raises:
        ConfigurationError: the server does not answer, or refuses.
    """
    url = make_url(database_url)
    conninfo = url.set(drivername="postgresql").render_as_string(hide_password=False)
    kwargs: dict[str, Any] = {
        "autocommit": True,
        "row_factory": dict_row,
        "connect_timeout": _PATIENCE_S,
        "prepare_threshold": None,  # PgBouncer gives each transaction another session
        **{name: value for name, value in NOTICING.items() if name not in url.query},
    }
    async with AsyncExitStack() as stack:
        try:
            await (
                await AsyncConnection.connect(conninfo, **kwargs)
            ).close()  # says why it cannot, as no pool does
            pool: Pool = AsyncConnectionPool(
                conninfo,
                kwargs=kwargs,
                min_size=1,
                max_size=_POOL_SIZE,
                timeout=_PATIENCE_S,
                check=AsyncConnectionPool.check_connection,
                open=False,
            )
            await stack.enter_async_context(pool)
            memory = PostgresThreadMemory(pool)
            await memory.create_tables(*more)
        except OperationalError as error:
            shown = shown_address(database_url)
            raise ConfigurationError(f"{shown!r} cannot be used to remember conversations: {error}") from None
        yield memory
