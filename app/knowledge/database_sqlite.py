"""SQLite as the database of a knowledge base: one file, shared by threads and by processes of one machine."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy import Connection, create_engine, event
from sqlalchemy.engine import URL

from app.errors import StorageUnavailable

DRIVERS = ("sqlite", "sqlite+pysqlite")

_BUSY_TIMEOUT_MS = 30_000
_RETRY_S = 0.01


class SqliteBackend:
    """Readers never wait: they see the state of the moment at which they began. Writers go one after another; those
    of this process queue at a lock, which is fairer than SQLite's polling.
    """

    def __init__(self, url: URL) -> None:
        self.file = Path(url.database or "")
        self._engine = create_engine(url)
        event.listen(self._engine, "connect", _prepare_connection)
        event.listen(self._engine, "begin", _begin)
        self._writer = self._engine.execution_options(begin_immediate=True)
        self._write_lock = threading.Lock()

    def reading(self) -> AbstractContextManager[Connection]:
        return self._engine.begin()

    def glancing(self) -> AbstractContextManager[Connection]:
        return self.reading()

    @contextmanager
    def writing(self, *, in_order: bool) -> Iterator[Connection]:  # noqa: ARG002  # there is no other way
        with self._write_lock, self._writer.begin() as connection:
            yield connection

    def migrating(self) -> AbstractContextManager[Connection]:
        return self.writing(in_order=True)

    def empty_log(self, timeout_ms: int) -> bool:
        with self._write_lock, self._engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)  # noqa: S101  # of one of `DRIVERS`
            driver.execute(f"PRAGMA busy_timeout={timeout_ms}").fetchall()
            try:
                busy, _, _ = driver.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            except sqlite3.OperationalError as error:
                if error.sqlite_errorcode not in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
                    raise StorageUnavailable(f"The database cannot be used: {error}") from error
                busy = True
            finally:
                driver.execute(f"PRAGMA busy_timeout={_BUSY_TIMEOUT_MS}").fetchall()
            return not busy

    def vacuum(self) -> None:
        """Nothing: with `secure_delete` zeros stand where removed rows stood."""

    def damage(self, error: BaseException | None) -> str | None:
        """What is wrong with the file; None where waiting or making room may help."""
        cause = getattr(error, "orig", error)
        is_lasting = isinstance(cause, sqlite3.DatabaseError) and not isinstance(
            cause, sqlite3.OperationalError
        )
        return str(cause) if is_lasting else None

    def close(self) -> None:
        self._engine.dispose()


def _prepare_connection(connection: sqlite3.Connection, _record: object) -> None:
    # SQLAlchemy begins transactions itself: the driver would begin none for SELECT, and never an immediate one.
    connection.isolation_level = None
    pragmas = (
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    )  # the last writes zeros over what is deleted
    for pragma in (f"busy_timeout={_BUSY_TIMEOUT_MS}", *pragmas):
        connection.execute(f"PRAGMA {pragma}").fetchall()
    _enter_wal(connection)


def _enter_wal(connection: sqlite3.Connection) -> None:
    """Use a write-ahead log; SQLite heeds no busy timeout while processes that open one new file enter it at once."""
    deadline = monotonic() + _BUSY_TIMEOUT_MS / 1000
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL").fetchall()
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or monotonic() > deadline:
                raise
            sleep(_RETRY_S)
        else:
            return


def _begin(connection: Connection) -> None:
    immediate = connection.get_execution_options().get("begin_immediate", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")
