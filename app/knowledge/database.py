"""Opens the SQL database, keeps its schema current and hands out transactions."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

from sqlalchemy import Connection, create_engine, event, inspect, text
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DatabaseError, DataError, IntegrityError, ProgrammingError

from app.errors import ConfigurationError, StorageUnavailable
from app.knowledge.tables import SCHEMA_REVISION

_BUSY_TIMEOUT_MS = 30_000
_RETRY_S = 0.01
_LOG_TIMEOUT_MS = 200
_DRIVERS = ("sqlite", "sqlite+pysqlite")
_OF_STATEMENTS = (
    *(IntegrityError, DataError, ProgrammingError),
    *(sqlite3.IntegrityError, sqlite3.DataError, sqlite3.ProgrammingError),
)
_MIGRATIONS = Path(__file__).with_name("migrations")


@contextmanager
def translated() -> Iterator[None]:
    """What a full disk, a damaged file or an unreachable database raises, as our own error.

    What a statement itself did wrong, as a value that a constraint refuses, is a defect and stays as it is.
    """
    try:
        yield
    except _OF_STATEMENTS:
        raise
    except DatabaseError as error:
        raise StorageUnavailable(f"The database cannot be used: {error.orig}") from error
    except sqlite3.DatabaseError as error:  # of the driver, where SQLAlchemy is not in between
        raise StorageUnavailable(f"The database cannot be used: {error}") from error
    except OSError as error:
        raise StorageUnavailable(f"The data directory cannot be used: {error.strerror or error}") from error


def _damage(error: BaseException | None) -> str | None:
    """What is wrong with the file; None where waiting or making room may help."""
    cause = getattr(error, "orig", error)
    is_lasting = isinstance(cause, sqlite3.DatabaseError) and not isinstance(cause, sqlite3.OperationalError)
    return str(cause) if is_lasting else None


class Database:
    """Transactions on one SQLite file, shared by threads and by processes.

    Readers never wait: they see the state of the moment at which they began. Writers go one after another; those of
    this process queue at a lock, which is fairer than SQLite's polling.
    """

    def __init__(self, url: URL) -> None:
        self.file = Path(url.database or "")
        self._engine = create_engine(url)
        event.listen(self._engine, "connect", _prepare_connection)
        event.listen(self._engine, "begin", _begin)
        self._writer = self._engine.execution_options(begin_immediate=True)
        self._write_lock = threading.Lock()
        self.damage: str | None = None
        """What has shown to be wrong with the file, beyond what passes; it does not heal while it is open."""

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        with self._translated(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, committed at the end of the block and rolled back when it raises."""
        with self._translated(), self._write_lock, self._writer.begin() as connection:
            yield connection

    def empty_log(self, timeout_ms: int = _LOG_TIMEOUT_MS) -> bool:
        """Move the write-ahead log into the database and cut it to nothing, since it holds pages as they once were.

        False when other connections were using it for so long; the log then goes with a later call, or when the last
        process closes the database. Writers wait meanwhile.
        """
        with self._translated(), self._write_lock, self._engine.connect() as connection:
            driver = connection.connection.driver_connection
            assert isinstance(driver, sqlite3.Connection)  # noqa: S101  # `_parse` accepts nothing else
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

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            with translated():
                yield
        except StorageUnavailable as error:
            self.damage = _damage(error.__cause__) or self.damage
            raise

    def close(self) -> None:
        self._engine.dispose()


def open_database(database_url: str) -> Database:
    """Open the database, creating or migrating it where that is needed.

    Raises:
        ConfigurationError: the URL is no SQLite file that this version can read and write.
    """
    database_file(database_url).parent.mkdir(parents=True, exist_ok=True)
    database = Database(_parse(database_url))
    try:
        _migrate(database)
    except StorageUnavailable as error:
        database.close()
        if database.damage is None:
            raise
        raise ConfigurationError(
            f"LLMOPS_DATABASE_URL={database_url!r} cannot be opened: {database.damage}"
        ) from error
    return database


def database_file(database_url: str) -> Path:
    """The file that the URL names. Raises ConfigurationError."""
    return Path(_parse(database_url).database or "")


def _parse(database_url: str) -> URL:
    try:
        url = make_url(database_url)
    except ArgumentError:
        url = None
    if url is None or url.drivername not in _DRIVERS or url.database in (None, "", ":memory:"):
        shown = url.render_as_string() if url is not None else database_url
        raise ConfigurationError(
            f"LLMOPS_DATABASE_URL={shown!r} is not accepted: must be sqlite:///path/to/file.db"
        )
    return url


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


def _migrate(database: Database) -> None:
    """Bring the schema to `SCHEMA_REVISION`; of several processes that start at once one does it, the others wait."""
    with database.reading() as connection:
        if _revision(connection) == SCHEMA_REVISION:
            return
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with database.writing() as connection:
        config.attributes["connection"] = connection
        try:
            command.upgrade(config, "head")
        except CommandError as error:
            raise ConfigurationError(
                f"The knowledge base was written by another version of this service (schema "
                f"{_revision(connection)!r}, this version knows {SCHEMA_REVISION!r}): use that version or a newer one"
            ) from error


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
