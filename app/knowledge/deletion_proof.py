"""Looks for what is left of a deleted document, in every place where something of a document is ever kept."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import exists, func, select

from app.knowledge.database import Database, open_database
from app.knowledge.faiss_index import FaissIndex
from app.knowledge.insertion import identify
from app.knowledge.lexical import LexicalIndex
from app.knowledge.originals import Originals, open_originals
from app.knowledge.records import Position
from app.knowledge.store import KnowledgeStore, open_store
from app.knowledge.tables import (
    chunks,
    collections,
    documents,
    job_documents,
    knowledge_base,
    metadata,
    next_vectors,
    removals,
    vectors,
)
from app.knowledge.text_traces import distinctive, find_in_file

_LOG_TIMEOUT_MS: Final = 30_000
_ALL_SEEN: Final = Position(0, 2**62)
_DERIVED: Final = ("indexes", "page_images")
_SNAPSHOT: Final = re.compile(r"(?P<change>[0-9a-f]{16})-[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class Finding:
    """`left` is what a deletion should have removed; `kept` is what it leaves alone on purpose."""

    place: str
    state: Literal["clean", "left", "kept", "unchecked"]
    detail: str


def prove_deletion(
    database_url: str,
    data_dir: Path,
    document_id: str,
    passages: Sequence[str] | None = None,
    *,
    originals_url: str | None = None,
) -> Iterator[Finding]:
    """Look for the document everywhere but in conversations.

    The raw files are searched for `passages` of its text, if they are given. Servers may go on working with the data
    directory. Reads all of it, so it takes as long as starting without snapshots. Blocking.
    """
    with (
        closing(open_database(database_url)) as database,
        open_store(database_url, data_dir, originals_url) as store,
    ):
        yield from _tables(database, document_id)
        yield _originals(database, open_originals(data_dir, originals_url), document_id)
        yield _page_images(database, data_dir)
        yield from _indexes(database, store)
        yield _snapshots(database, data_dir)
        yield from _remains_in_database(database)
        if passages is not None:
            yield from _raw_files(store, database.file, data_dir, document_id, passages)


def purge_snapshots(database_url: str, data_dir: Path) -> int:
    """Remove the snapshots of indexes that are older than the last deletion; the next start builds them anew.

    PostgreSQL is told to give up removed rows as well.
    """
    with closing(open_database(database_url)) as database:
        outdated = _outdated_snapshots(database, data_dir)
        database.vacuum()
    for folder in outdated:
        shutil.rmtree(folder, ignore_errors=True)
    return len(outdated)


def _tables(database: Database, document_id: str) -> Iterator[Finding]:
    with database.reading() as connection:
        for table in metadata.sorted_tables:
            if "document_id" in table.c:
                rows = select(func.count()).where(table.c.document_id == document_id)
                count = connection.execute(rows).scalar_one()
                if table is job_documents and count:
                    yield Finding(f"table {table}", "kept", f"{count} jobs remember its ID")
                else:
                    yield Finding(f"table {table}", "left" if count else "clean", f"{count} rows")
        for table in (vectors, next_vectors):
            orphans = select(func.count()).where(~exists().where(chunks.c.chunk_no == table.c.chunk_no))
            count = connection.execute(orphans.select_from(table)).scalar_one()
            yield Finding(f"table {table}", "left" if count else "clean", f"{count} rows without a chunk")


def _originals(database: Database, originals: Originals, document_id: str) -> Finding:
    there = set(originals.hashes())
    with database.writing() as connection:  # after which no document is still about to name one of these
        left = there - set(connection.scalars(select(documents.c.sha256)))
        names = list(connection.scalars(select(collections.c.name)))
    if not left:
        return Finding("originals", "clean", "every file belongs to a document that is there")
    own = any(identify(name, sha256) == document_id for name in names for sha256 in left)
    whose = "its file is" if own else f"{len(left)} files of no document are"
    return Finding("originals", "left", f"{whose} there; the next start of the server removes them")


def _page_images(database: Database, data_dir: Path) -> Finding:
    folder = data_dir / "page_images"
    drawn = {path.name for path in folder.iterdir()} if folder.is_dir() else set()
    with database.reading() as connection:
        left = drawn - set(connection.scalars(select(documents.c.sha256)))
    if not left:
        return Finding("page images", "clean", "all are of documents that are there")
    return Finding(
        "page images", "left", f"of {len(left)} files that no document has; remove them from {folder.name}"
    )


def _indexes(database: Database, store: KnowledgeStore) -> Iterator[Finding]:
    """Load both indexes and look in them for every chunk that was ever removed."""
    with store.changes_since(_ALL_SEEN) as changes:
        ranges = changes.removed()
    gone = np.unique(
        np.concatenate([np.arange(0), *(np.arange(a, b + 1) for a, b in ranges)]).astype(np.int64)
    )
    found = {"FAISS index": 0, "lexical index": 0}
    if len(gone):
        found = {
            "FAISS index": _found_by_vector(database, store, gone),
            "lexical index": LexicalIndex(store).count(gone),
        }
    for place, count in found.items():
        detail = f"{count} of {len(gone)} chunks that were ever removed can be found"
        yield Finding(place, "left" if count else "clean", detail)


def _found_by_vector(database: Database, store: KnowledgeStore, gone: NDArray[np.int64]) -> int:
    with database.reading() as connection:
        state = connection.execute(select(knowledge_base)).one()
    if state.dimension is None:
        return 0
    index = FaissIndex(store, state.embedding_model)
    query = np.ones(state.dimension, dtype=np.float32)
    return sum(
        len(index.search(query, len(gone), collection=name, within=gone)) for name in store.collections()
    )


def _outdated_snapshots(database: Database, data_dir: Path) -> list[Path]:
    """Folders of snapshots, whose names begin with the change that they have seen last, from before a deletion."""
    with database.reading() as connection:
        last: int = connection.execute(select(func.coalesce(func.max(removals.c.change), 0))).scalar_one()
    named = ((folder, _SNAPSHOT.fullmatch(folder.name)) for folder in (data_dir / "indexes").glob("*/*"))
    return [folder for folder, name in named if name is not None and int(name["change"], 16) < last]


def _snapshots(database: Database, data_dir: Path) -> Finding:
    outdated = sorted({folder.parent.name for folder in _outdated_snapshots(database, data_dir)})
    if not outdated:
        return Finding("index snapshots", "clean", "none is older than the last deletion")
    detail = f"of {', '.join(outdated)}, older than the last deletion; --purge removes them"
    return Finding("index snapshots", "left", detail)


def _remains_in_database(database: Database) -> Iterator[Finding]:
    if database.file is None:
        detail = (
            "PostgreSQL keeps removed rows until VACUUM, and in its log, archives and standbys for longer"
        )
        yield Finding("database files", "unchecked", f"{detail}; --purge runs VACUUM")
    else:
        yield _log(database)


def _log(database: Database) -> Finding:
    if database.empty_log(_LOG_TIMEOUT_MS):
        return Finding("write-ahead log", "clean", "empty")
    return Finding("write-ahead log", "left", "it is in use and may hold old pages; try again")


def _raw_files(
    store: KnowledgeStore, database: Path | None, data_dir: Path, document_id: str, passages: Sequence[str]
) -> Iterator[Finding]:
    others = [info for info in store.list_documents() if info.document_id != document_id and info.chunks]
    own = distinctive(passages, (store.document_text(info.document_id) for info in others))
    if not own:
        yield Finding("raw files", "unchecked", "each passage of the text stands in other documents as well")
        return
    files = [] if database is None else [database, database.with_name(f"{database.name}-wal")]
    files += sorted(path for name in _DERIVED for path in (data_dir / name).rglob("*"))
    for path in files:
        if path.is_file():
            count = find_in_file(path, own)
            shown = path.relative_to(data_dir) if path.is_relative_to(data_dir) else path
            yield Finding(f"file {shown}", "left" if count else "clean", f"{count} of {len(own)} passages")
