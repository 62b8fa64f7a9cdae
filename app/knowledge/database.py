"""Opens the SQL database, keeps its schema current and hands out transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection
from sqlalchemy.exc import (
    DatabaseError,
    DataError,
    DBAPIError,
    IntegrityError,
    ProgrammingError,
)
from sqlalchemy.exc import (
    TimeoutError as PoolExhausted,
)

from app.errors import ConfigurationError, StorageUnavailable
from app.knowledge import database_postgres, database_sqlite
from app.knowledge.database_address import parse_address, shown_address
from app.knowledge.migrating import migrate, needs_migration

_LOG_TIMEOUT_MS = 200
_OF_STATEMENTS = (
    *(IntegrityError, DataError, ProgrammingError),
    *(sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError),
)


@contextmanager
def translated() -> Iterator[None]:
    """What a full disk, a damaged file or an unreachable database raises, as our own error.

    What a statement itself did wrong, as a value that a constraint refuses, is a defect and stays as it is.
    """
    try:
        yield
    except _OF_STATEMENTS:
        raise
    except DBAPIError as error:
        if not error.connection_invalidated and not isinstance(error, DatabaseError):
            raise
        raise StorageUnavailable(f"The database cannot be used: {_reason(error)}") from error
    except PoolExhausted as error:
        raise StorageUnavailable("The database is used by too many at once") from error
    except sqlite3.DatabaseError as error:  # of the driver, where SQLAlchemy is not in between
        raise StorageUnavailable(f"The database cannot be used: {error}") from error
    except OSError as error:
        raise StorageUnavailable(f"The data directory cannot be used: {error.strerror or error}") from error


def _reason(error: DBAPIError) -> str:
    """What the driver says, in one line; a failed connection would tell clients hosts and users."""
    is_of_file = isinstance(error.orig, sqlite3.Error)
    if not is_of_file and (error.connection_invalidated or getattr(error.orig, "sqlstate", None) is None):
        return "the server does not answer"
    return str(error.orig).partition("\n")[0]


class Backend(Protocol):
    """What SQLite and PostgreSQL do differently. `file` is None where there is none."""

    @property
    def file(self) -> Path | None: ...
    def reading(self) -> AbstractContextManager[Connection]: ...
    def glancing(self) -> AbstractContextManager[Connection]: ...
    def writing(self, *, in_order: bool) -> AbstractContextManager[Connection]: ...
    def migrating(self) -> AbstractContextManager[Connection]: ...
    def empty_log(self, timeout_ms: int) -> bool: ...
    def vacuum(self) -> None: ...
    def damage(self, error: BaseException | None) -> str | None: ...
    def close(self) -> None: ...


class Database:
    """Transactions on one database, shared by threads and by processes."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self.file = backend.file
        self.damage: str | None = None
        """What has shown to be wrong with the file, beyond what passes; it does not heal while it is open."""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """One state of the database, that of the first look; never waits."""
        with self._translated(), self._backend.reading() as connection:
            yield connection

    @contextmanager
    def glancing(self) -> Iterator[Connection]:
        """For one statement that reads: with a server, a third of the ways there that `reading` takes."""
        with self._translated(), self._backend.glancing() as connection:
            yield connection

    @contextmanager
    def writing(self, *, in_order: bool = True) -> Iterator[Connection]:
        """One transaction, committed at the end of the block and rolled back when it raises.

        Nobody else writes meanwhile, so what was looked up in it holds until its end. Not so with `in_order=False`, for
        what changes rows by a condition of their own and gives no numbers: on PostgreSQL that waits for nobody.
        """
        with self._translated(), self._backend.writing(in_order=in_order) as connection:
            yield connection

    def migrate(self) -> None:
        """Bring the schema up to date; of several processes that start at once one does it, the others wait."""
        with self.reading() as connection:
            if not needs_migration(connection):
                return
        with self._translated(), self._backend.migrating() as connection:
            migrate(connection)

    def empty_log(self, timeout_ms: int = _LOG_TIMEOUT_MS) -> bool:
        """Move the write-ahead log into the database and cut it to nothing, since it holds pages as they once were.

        False when other connections were using it for so long; the log then goes with a later call, or when the last
        process closes the database. Writers wait meanwhile. PostgreSQL sees to its log itself.
        """
        with self._translated():
            return self._backend.empty_log(timeout_ms)

    def vacuum(self) -> None:
        """Give up what rows that were removed have left; on SQLite nothing has."""
        with self._translated():
            self._backend.vacuum()

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with translated():
                yield
        except StorageUnavailable as error:
            self.damage = self._backend.damage(error.__cause__) or self.damage
            raise

    def close(self) -> None:
        self._backend.close()


def open_database(database_url: str) -> Database:
    """Open the database, creating or migrating it where that is needed.

    Raises:
        ConfigurationError: the URL names no database that this version can read and write, or its server refuses.
    """
    url = parse_address(database_url)
    if url.drivername in database_sqlite.DRIVERS:
        Path(url.database or "").parent.mkdir(parents=True, exist_ok=True)
        database = Database(database_sqlite.SqliteBackend(url))
    else:
        database = Database(database_postgres.PostgresBackend(url))
    try:
        database.migrate()
    except (StorageUnavailable, DBAPIError) as error:
        database.close()
        reason = database.damage if database.file is not None else _words_of_driver(error)
        if reason is None:
            raise
        shown = shown_address(database_url)
        raise ConfigurationError(f"LLMOPS_DATABASE_URL={shown!r} cannot be opened: {reason}") from error
    except ConfigurationError:
        database.close()
        raise
    return database


def database_file(database_url: str) -> Path | None:
    """The file that the URL names; None for a server. Raises ConfigurationError."""
    url = parse_address(database_url)
    return Path(url.database or "") if url.drivername in database_sqlite.DRIVERS else None


def _words_of_driver(error: StorageUnavailable | DBAPIError) -> str:
    """Why a server cannot be used, for whoever configures the service; it says no password."""
    cause = error.__cause__ if isinstance(error, StorageUnavailable) else error
    return str(getattr(cause, "orig", cause)).partition("\n")[0]
