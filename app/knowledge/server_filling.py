"""Takes the database of a backup, which is an SQLite file, into a database on a server."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy import select, text

from app.errors import InvalidRequest
from app.knowledge.database import open_database
from app.knowledge.table_copy import copy_tables
from app.knowledge.tables import knowledge_base, metadata

# Files and conversations are put into place before the end, which may take longer than a writer else may stand still.
_AT_LEISURE = text("SELECT set_config('idle_in_transaction_session_timeout', '0', true)")


@contextmanager
def filled_server(database_url: str, copy: Path) -> Iterator[None]:
    """Have the server hold what the file holds, for good at the end of the block; nothing of it when that raises.

    The file is removed before the block begins.

    Raises:
        InvalidRequest: the server's database is not empty.
    """
    with closing(open_database(database_url)) as server, server.writing() as written:
        written.execute(_AT_LEISURE)
        for table in metadata.sorted_tables:
            if table is not knowledge_base and written.execute(select(table).limit(1)).first() is not None:
                raise InvalidRequest(
                    "The database that LLMOPS_DATABASE_URL names is not empty: create a new one to restore into"
                )
        with closing(open_database(f"sqlite:///{copy}")) as file, file.reading() as rows:
            copy_tables(rows, written, metadata)
        for path in copy.parent.glob(f"{copy.name}*"):
            path.unlink()
        yield
