"""What processes agree on that share an index outside the database: whose it is, and who writes to it."""

from __future__ import annotations

import fcntl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Event
from uuid import uuid4

from sqlalchemy import Connection, select, text, update

from app.knowledge.database import Database
from app.knowledge.snapshots import Cancelled
from app.knowledge.tables import knowledge_base

_POLL_S = 0.05
_LOCK = 0x6C6C6D6F70730002
"""Advisory lock of whoever writes."""
_TRY_LOCK = text("SELECT pg_try_advisory_xact_lock(:key)")


class SharedIndex:
    """Of one knowledge base; on SQLite for the processes of its machine, on PostgreSQL for those of all machines."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def store_id(self) -> str:
        """The same for all processes, and another one for every knowledge base."""
        with self._database.reading() as connection:
            known: str | None = connection.scalar(select(knowledge_base.c.store_id))
        if known is not None:
            return known
        with self._database.writing() as connection:
            unnamed = knowledge_base.c.store_id.is_(None)
            connection.execute(update(knowledge_base).where(unnamed).values(store_id=uuid4().hex))
            drawn: str = connection.execute(select(knowledge_base.c.store_id)).scalar_one()
            return drawn

    @contextmanager
    def turn(self, closing: Event) -> Iterator[Callable[[], None]]:
        """Be the only process that writes, after waiting for others; of one that dies the turn is over at once.

        Gives a function that has to be called now and then, and raises when the turn was lost.

        Raises:
            Cancelled: `closing` was set while others had their turn.
            StorageUnavailable: the database does not answer.
        """
        if self._database.file is not None:
            with _turn_by_file(self._database.file, closing):
                yield _nothing
            return
        while True:
            # A transaction that looks at nothing hinders nobody, however long it lasts.
            with self._database.writing(in_order=False) as connection:
                if connection.execute(_TRY_LOCK, {"key": _LOCK}).scalar_one():
                    yield partial(_touch, connection)
                    return
            _wait(closing)


@contextmanager
def _turn_by_file(database: Path, closing: Event) -> Iterator[None]:
    with database.with_name(f"{database.name}-vectors.lock").open("ab") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                _wait(closing)
            else:
                break
        yield


def _wait(closing: Event) -> None:
    if closing.wait(_POLL_S):
        raise Cancelled


def _touch(connection: Connection) -> None:
    """Raises when the connection is gone, and the lock with it."""
    connection.execute(text("SELECT 1"))


def _nothing() -> None:
    """The system keeps a lock on a file for as long as the process lives."""
