"""Vectors of the model to come, gathered beside those that serve until every chunk has one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, exists, func, insert, select, text, update

from app.errors import InvalidRequest, ModelMisbehaved
from app.knowledge.changes import STORED_FLOAT, lock_for_writing
from app.knowledge.database import Database
from app.knowledge.insertion import Vectors, as_unit_vectors
from app.knowledge.tables import chunks, documents, knowledge_base, next_vectors

_ROWS_PER_DELETE = 4_096
"""Old vectors go in pieces, so that no writer waits long for its turn."""

# In SQLite a name changes within the transaction and without touching a row.
_EXCHANGE = (
    "ALTER TABLE vectors RENAME TO served_vectors",
    "ALTER TABLE next_vectors RENAME TO vectors",
    "ALTER TABLE served_vectors RENAME TO next_vectors",
)
# In PostgreSQL names are no part of a snapshot: a reader would find the new vectors while it sees the old model.
_EXCHANGE_ROWS = (
    "SET LOCAL statement_timeout = 0",
    "DELETE FROM vectors",
    "INSERT INTO vectors SELECT * FROM next_vectors",
)


@dataclass(frozen=True, slots=True)
class WaitingChunk:
    """A chunk without a vector of the model to come, and what its context is written from."""

    chunk_no: int
    document_name: str
    document_title: str | None
    section: str | None
    text: str
    page: int | None
    char_start: int
    char_end: int


class NextVectors:
    """The way of one knowledge base to the embedding model `model`; each step is a transaction and survives a crash.

    Every method raises InvalidRequest when another move has begun meanwhile, to another model.
    """

    def __init__(self, database: Database, model: str) -> None:
        self._database = database
        self._model = model

    def begin(self) -> tuple[int, int]:
        """Go on where a move to this model was interrupted, else begin one; tell how many chunks of how many are done.

        What was gathered for yet another model is thrown away.
        """
        with self._database.writing() as connection:
            if lock_for_writing(connection).next_model != self._model:
                connection.execute(update(knowledge_base).values(next_model=None, next_dimension=None))
        while not self._is_begun():
            self._discard_some()
        with self._database.reading() as connection:
            done = connection.execute(select(func.count()).select_from(next_vectors)).scalar_one()
            return done, connection.execute(select(func.count()).select_from(chunks)).scalar_one()

    def waiting(self, after: int, limit: int) -> list[WaitingChunk]:
        """The next chunks to embed with numbers greater than `after`, in the order of their numbers."""
        statement = (
            select(
                chunks.c.chunk_no,
                documents.c.name.label("document_name"),
                documents.c.title.label("document_title"),
                chunks.c.section,
                chunks.c.text,
                chunks.c.page,
                chunks.c.char_start,
                chunks.c.char_end,
            )
            .join_from(chunks, documents)
            .where(chunks.c.chunk_no > after, ~_is_done())
            .order_by(chunks.c.chunk_no)
            .limit(limit)
        )
        with self._database.reading() as connection:
            return [WaitingChunk(*row) for row in connection.execute(statement)]

    def add(self, chunk_nos: Sequence[int], matrix: Vectors) -> None:
        """Store the vectors of those of the chunks that still exist.

        Raises:
            ModelMisbehaved: the vectors do not fit the chunks, or those that were stored before.
        """
        units = as_unit_vectors(matrix, len(chunk_nos)).astype(STORED_FLOAT, copy=False)
        with self._database.writing() as connection:
            self._require_dimension(connection, self._require_move(connection), units.shape[1])
            wanted = select(chunks.c.chunk_no).where(chunks.c.chunk_no.in_(chunk_nos), ~_is_done())
            missing = set(connection.scalars(wanted))
            rows = [
                {"chunk_no": no, "vector": unit.tobytes()}
                for no, unit in zip(chunk_nos, units, strict=True)
                if no in missing
            ]
            if rows:
                connection.execute(insert(next_vectors), rows)

    def swap(self) -> bool:
        """Let the new vectors and their model serve, if every chunk has one; else change nothing and say False."""
        with self._database.writing() as connection:
            state = self._require_move(connection)
            if connection.execute(select(chunks.c.chunk_no).where(~_is_done()).limit(1)).first() is not None:
                return False
            is_by_name = connection.dialect.name == "sqlite"
            for statement in _EXCHANGE if is_by_name else _EXCHANGE_ROWS:
                connection.execute(text(statement))
            connection.execute(
                update(knowledge_base).values(
                    embedding_model=self._model,
                    dimension=state.next_dimension,
                    next_model=None,
                    next_dimension=None,
                    last_change=state.last_change + 1,
                )
            )
        while self._discard_some():
            pass
        return True

    def _is_begun(self) -> bool:
        """Whether the move is on, after beginning it if nothing is left of another."""
        with self._database.writing() as connection:
            state = lock_for_writing(connection)
            if state.next_model == self._model:
                return True
            if state.next_model is not None:
                raise self._overtaken(state.next_model)
            if connection.execute(select(next_vectors.c.chunk_no).limit(1)).first() is not None:
                return False
            connection.execute(update(knowledge_base).values(next_model=self._model))
            return True

    def _discard_some(self) -> int:
        """Delete some of what belongs to no move; tell how many."""
        with self._database.writing() as connection:
            if lock_for_writing(connection).next_model is not None:
                return 0
            some = select(next_vectors.alias().c.chunk_no).limit(_ROWS_PER_DELETE)
            return connection.execute(delete(next_vectors).where(next_vectors.c.chunk_no.in_(some))).rowcount

    def _require_move(self, connection: Connection) -> Row[Any]:
        state = lock_for_writing(connection)
        if state.next_model != self._model:
            raise self._overtaken(state.next_model)
        return state

    def _require_dimension(self, connection: Connection, state: Row[Any], dimension: int) -> None:
        if state.next_dimension is None:
            connection.execute(update(knowledge_base).values(next_dimension=dimension))
        elif state.next_dimension != dimension:
            raise ModelMisbehaved(
                f"{self._model} gave vectors of {dimension} numbers after vectors of {state.next_dimension}"
            )

    def _overtaken(self, by: object) -> InvalidRequest:
        other = f"to {by!r}" if by else "that ended first"
        return InvalidRequest(f"Embedding with {self._model!r} gave way to another `llmops reindex` {other}")


def _is_done() -> ColumnElement[bool]:
    return exists().where(next_vectors.c.chunk_no == chunks.c.chunk_no)
