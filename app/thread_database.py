"""The seam between what is done with conversations and the database that they lie in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Any

from sqlalchemy import Dialect, Executable, Insert, MetaData, Select, Table
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.schema import CreateIndex, CreateTable, DDLElement

Parameters = Mapping[str, Any]


class ThreadConnection(ABC):
    """Carries out statements within one transaction."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    @abstractmethod
    async def _execute(self, statement: str, parameters: Parameters) -> tuple[list[Any], int]:
        """The rows that a statement gives, and how many it has changed."""

    @abstractmethod
    async def _execute_many(self, statement: str, parameters: Sequence[Parameters]) -> None: ...

    async def rows(self, statement: Select[Any]) -> list[Any]:
        found, _ = await self._execute(*self._compiled(statement))
        return found

    async def values(self, statement: Select[Any]) -> list[Any]:
        """The first column of each row."""
        return [row[0] for row in await self.rows(statement)]

    async def value(self, statement: Select[Any]) -> Any:
        """The first column of the first row; None where there is none."""
        return next(iter(await self.values(statement)), None)

    async def change(self, statement: Executable) -> int:
        """How many rows were changed."""
        _, count = await self._execute(*self._compiled(statement))
        return count

    async def insert_all(self, table: Table, rows: Sequence[Parameters]) -> None:
        if rows:
            statement = Insert(table).compile(dialect=self._dialect, column_keys=list(rows[0]))
            await self._execute_many(str(statement), rows)

    @abstractmethod
    def insert(self, table: Table) -> postgresql.Insert | sqlite.Insert:
        """The database's own statement, which may say what to do where there is such a row already."""

    async def create_tables(self, metadata: MetaData) -> None:
        """Make those of the tables and indexes that are not there."""
        for table in metadata.sorted_tables:
            await self._create(CreateTable(table, if_not_exists=True))
            for index in sorted(table.indexes, key=lambda index: str(index.name)):
                await self._create(CreateIndex(index, if_not_exists=True))

    async def _create(self, statement: DDLElement) -> None:
        await self._execute(str(statement.compile(dialect=self._dialect)), {})

    def _compiled(self, statement: Executable) -> tuple[str, Parameters]:
        compiled = statement.compile(  # type: ignore[attr-defined]  # of every executable that is a clause
            dialect=self._dialect, compile_kwargs={"render_postcompile": True}
        )
        return str(compiled), compiled.params


class ThreadDatabase(ABC):
    """Gives transactions. `checkpoint_tables` are LangGraph's: all that it remembers of a thread is in them."""

    checkpoint_tables: tuple[str, ...]

    @abstractmethod
    def reading(self) -> AbstractAsyncContextManager[ThreadConnection]:
        """All that is read within the block is of one moment."""

    @abstractmethod
    def writing(self) -> AbstractAsyncContextManager[ThreadConnection]:
        """What is changed within the block is there as a whole or, when the block is left by an error, not at all."""

    @abstractmethod
    def remembering(self, text: str) -> list[Select[Any]]:
        """Statements that give the ids of threads of which LangGraph's tables hold an ASCII text."""

    @abstractmethod
    async def empty_log(self) -> None:
        """Leave nothing of what was removed in a log, as far as that can be done."""
