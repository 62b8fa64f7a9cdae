"""PostgreSQL as the database of a knowledge base, shared by processes of many machines."""

from __future__ import annotations

import select
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from time import monotonic
from typing import Any

from sqlalchemy import Connection, create_engine, event, text
from sqlalchemy.engine import URL
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.pool import ConnectionPoolEntry

from app.errors import ConfigurationError
from app.knowledge.tables import metadata

DRIVERS = ("postgresql+psycopg", "postgresql", "postgres")
APPLICATION = "llmops"

_POOL_SIZE = 5
_POOL_OVERFLOW = 10
_POOL_TIMEOUT_S = 30
_TRUSTED_FOR_S = 5.0
"""So long after its use a connection is taken without asking the server, unless that has closed it."""
_LAST_USE = "last_use"
_TIMEOUTS_S = {"statement_timeout": 120, "lock_timeout": 30, "idle_in_transaction_session_timeout": 600}
NOTICING: dict[str, Any] = {
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""So that a machine that went away without a word is noticed in a minute."""
_CONNECTING: dict[str, Any] = {
    "application_name": APPLICATION,
    "connect_timeout": 10,
    "options": " ".join(f"-c {name}={seconds}s" for name, seconds in _TIMEOUTS_S.items()),
} | NOTICING
_MIGRATION = 0x6C6C6D6F70730001
"""Advisory lock of whoever changes the schema."""

# Everybody's next turn waits for this one, so that a writer that stands still loses it after a minute.
_TAKE_TURN = text(
    "SELECT set_config('idle_in_transaction_session_timeout', '60s', true) FROM knowledge_base FOR UPDATE"
)


class PostgresBackend:
    """Readers see one snapshot and never wait. Of the writers, those in order go one after another, in all processes:
    each locks the row of `knowledge_base` before anything else, so that what it looks up stays so until its end.
    """

    file = None

    def __init__(self, url: URL) -> None:
        try:
            from app.knowledge.postgres_texts import prepare_texts, write_json
        except ImportError as error:
            raise ConfigurationError(
                "LLMOPS_DATABASE_URL names PostgreSQL, which needs the extra `postgres`: install "
                f"`.[server,postgres]` ({error.name} is missing)"
            ) from None
        self._engine = create_engine(
            url.set(drivername=DRIVERS[0]),
            pool_size=_POOL_SIZE,
            max_overflow=_POOL_OVERFLOW,
            pool_timeout=_POOL_TIMEOUT_S,
            connect_args={name: value for name, value in _CONNECTING.items() if name not in url.query},
            json_serializer=write_json,
        )
        event.listen(self._engine, "connect", prepare_texts)
        event.listen(self._engine, "checkin", _note_time)
        event.listen(self._engine, "checkout", self._require_alive)
        self._reader = self._engine.execution_options(
            isolation_level="REPEATABLE READ", postgresql_readonly=True
        )
        self._glancer = self._engine.execution_options(isolation_level="AUTOCOMMIT")
        self._turn = threading.Lock()

    def reading(self) -> AbstractContextManager[Connection]:
        return self._reader.begin()

    def glancing(self) -> AbstractContextManager[Connection]:
        return self._glancer.connect()

    @contextmanager
    def writing(self, *, in_order: bool) -> Iterator[Connection]:
        if not in_order:
            with self._engine.begin() as connection:
                yield connection
            return
        # One of this process waits in the database, the others here: readers need connections, too.
        with self._turn, self._engine.begin() as connection:
            connection.execute(_TAKE_TURN)
            yield connection

    @contextmanager
    def migrating(self) -> Iterator[Connection]:
        with self._engine.begin() as connection:
            connection.exec_driver_sql("SET LOCAL statement_timeout = 0")
            connection.exec_driver_sql("SET LOCAL lock_timeout = 0")
            connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _MIGRATION})
            yield connection

    def empty_log(self, timeout_ms: int) -> bool:  # noqa: ARG002  # there is nothing to wait for
        """True: its log belongs to the database server, which alone knows what archives and standbys still need."""
        return True

    def vacuum(self) -> None:
        with self._glancer.connect() as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            for table in metadata.sorted_tables:
                connection.exec_driver_sql(f"VACUUM {table.name}")
            connection.exec_driver_sql("RESET statement_timeout")

    def _require_alive(self, connection: Any, record: ConnectionPoolEntry, _checkout: object) -> None:
        """A server that was away knows none of the connections from before. Asking it costs a way there and back."""
        is_recent = monotonic() - record.info.get(_LAST_USE, monotonic()) <= _TRUSTED_FOR_S
        if is_recent and not _has_news(connection):
            return
        dialect = self._engine.dialect
        try:
            dialect.do_ping(connection)
        except dialect.loaded_dbapi.Error as error:
            raise InvalidatePoolError from error

    def damage(self, error: BaseException | None) -> None:
        """None: whatever is wrong with the server can be mended while this process waits."""

    def close(self) -> None:
        self._engine.dispose()


def _note_time(_connection: object, record: ConnectionPoolEntry) -> None:
    record.info[_LAST_USE] = monotonic()


def _has_news(connection: Any) -> bool:
    """Whether an idle connection can be read from, as one whose other end was closed can."""
    ready = select.poll()
    ready.register(connection.fileno(), select.POLLIN)
    return bool(ready.poll(0))
