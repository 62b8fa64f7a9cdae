"""A copy of the databases as they were at one moment, and what a backup needs to know of it."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import func, select, update

from app.errors import StorageUnavailable
from app.knowledge.database import Database, database_file, open_database
from app.knowledge.deletion import remove_documents
from app.knowledge.table_copy import copy_tables
from app.knowledge.tables import chunks, documents, knowledge_base, metadata


def copy_knowledge_base(database_url: str, copy: Path) -> None:
    """Copy a knowledge base as it is at one moment into a new SQLite file. Raises StorageUnavailable."""
    source = database_file(database_url)
    if source is not None:
        copy_database(source, copy)
        return
    with (
        closing(open_database(database_url)) as live,
        closing(open_database(f"sqlite:///{copy}")) as snapshot,
        live.reading() as rows,
        snapshot.writing() as written,
    ):
        copy_tables(rows, written, metadata)


def copy_database(source: Path, copy: Path) -> None:
    """Copy an SQLite database as it is at one moment, whatever is being written to it. Raises StorageUnavailable."""
    try:
        with (
            closing(sqlite3.connect(f"{source.absolute().as_uri()}?mode=rw", uri=True, timeout=30)) as live,
            closing(sqlite3.connect(copy)) as snapshot,
        ):
            snapshot.execute("PRAGMA synchronous=OFF")  # only the archive needs to last
            live.backup(snapshot)
    except sqlite3.Error as error:
        raise StorageUnavailable(f"{source.name} cannot be copied: {error}") from error


def count_threads(path: Path) -> int:
    """The number of conversations in the checkpointer's database; 0 where there is none."""
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path)) as connection:
        if not connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'checkpoints'").fetchone():
            return 0
        count: int = connection.execute("SELECT count(DISTINCT thread_id) FROM checkpoints").fetchone()[0]
        return count


class Snapshot:
    """A knowledge base's database that nobody else has open, or one of which only the documents' files are asked."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def originals(self) -> Iterator[tuple[str, int]]:
        """Hash and size of each original that documents name, in the order of their hashes."""
        statement = select(documents.c.sha256, documents.c.bytes).where(documents.c.has_original == 1)
        with self._database.reading() as connection:
            for row in connection.execute(statement.distinct().order_by(documents.c.sha256)):
                yield row.sha256, row.bytes

    def documents_of(self, sha256: str) -> list[str]:
        """The ids of the documents with these bytes."""
        with self._database.reading() as connection:
            wanted = select(documents.c.document_id).where(documents.c.sha256 == sha256)
            return list(connection.scalars(wanted))

    def leave_out(self, hashes: Sequence[str]) -> None:
        """Remove the documents with these bytes."""
        for sha256 in hashes:
            document_ids = self.documents_of(sha256)
            with self._database.writing() as connection:
                remove_documents(connection, document_ids)

    def forget_store_id(self) -> None:
        """Let whoever opens it draw one of his own: two that are served must share nothing in an engine outside."""
        with self._database.writing() as connection:
            connection.execute(update(knowledge_base).values(store_id=None))

    def count_documents(self) -> int:
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(documents)).scalar_one()

    def count_chunks(self) -> int:
        with self._database.reading() as connection:
            return connection.execute(select(func.count()).select_from(chunks)).scalar_one()

    def embedding_model(self) -> str | None:
        with self._database.reading() as connection:
            name: str | None = connection.execute(select(knowledge_base.c.embedding_model)).scalar_one()
            return name


@contextmanager
def open_snapshot(database_url: str) -> Iterator[Snapshot]:
    """Open the database; at the end of the block everything of a file is in this one file.

    Raises:
        ConfigurationError: it is no knowledge base, or one of a later version.
    """
    database = open_database(database_url)
    try:
        yield Snapshot(database)
        database.empty_log()
    finally:
        database.close()
