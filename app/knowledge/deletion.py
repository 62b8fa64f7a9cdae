"""Takes documents and single chunks out of the tables, and tells the indexes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, delete, func, select, update

from app.knowledge.batches import forget_answers
from app.knowledge.changes import record_removal
from app.knowledge.database import Database
from app.knowledge.originals import Originals
from app.knowledge.tables import chunks, document_texts, documents, summary_notes

_BATCH = 500  # parameters of one statement; SQLite and PostgreSQL both have a limit
_FILES_AT_A_TIME = 16


@dataclass(frozen=True, slots=True)
class RemovedChunks:
    """`hashes` are those of the files of documents that went with their last chunk."""

    count: int
    hashes: list[str]


def remove_documents(connection: Connection, document_ids: Sequence[str]) -> None:
    """Remove documents with their texts, chunks and vectors, and the stored answers of batches that quote them."""
    removed: list[int] = []
    for batch in _batches(document_ids):
        removed += connection.scalars(select(chunks.c.chunk_no).where(chunks.c.document_id.in_(batch)))
        connection.execute(delete(documents).where(documents.c.document_id.in_(batch)))
        forget_answers(connection, batch)
    record_removal(connection, removed)


def remove_content(connection: Connection, document_id: str) -> None:
    """Remove what was read from a document and what was made of it, so that another reading can take its place."""
    removed = connection.scalars(select(chunks.c.chunk_no).where(chunks.c.document_id == document_id)).all()
    for table in (chunks, document_texts, summary_notes):
        connection.execute(delete(table).where(table.c.document_id == document_id))
    record_removal(connection, removed)


def remove_chunks(connection: Connection, chunk_ids: Sequence[str], collection: str) -> RemovedChunks:
    """Remove the chunks that exist of these, and every document that is left without any."""
    removed: list[int] = []
    touched: set[str] = set()
    for batch in _batches(chunk_ids):
        chosen = (chunks.c.collection == collection) & chunks.c.chunk_id.in_(batch)
        for row in connection.execute(select(chunks.c.chunk_no, chunks.c.document_id).where(chosen)):
            removed.append(row.chunk_no)
            touched.add(row.document_id)
        connection.execute(delete(chunks).where(chosen))
    record_removal(connection, removed)
    hashes: list[str] = []
    for batch in _batches(sorted(touched)):
        hashes += _recount(connection, batch)
    return RemovedChunks(len(removed), hashes)


def _recount(connection: Connection, document_ids: Sequence[str]) -> list[str]:
    """Correct the number of chunks; the hashes of the files of documents that are left without any, and removed."""
    left = select(func.count()).where(chunks.c.document_id == documents.c.document_id).scalar_subquery()
    chosen = documents.c.document_id.in_(document_ids)
    connection.execute(update(documents).where(chosen).values(chunks=left))
    empty = delete(documents).where(chosen, documents.c.chunks == 0)
    return list(connection.scalars(empty.returning(documents.c.sha256)))


def remove_unused_originals(connection: Connection, originals: Originals, hashes: Iterable[str]) -> None:
    """Remove the files whose bytes no document has any more.

    To be called in a writing transaction after the one that removed the documents: no other writer can then bring a
    document with the same bytes between looking and removing.
    """
    for sha256 in hashes:
        in_use = select(documents.c.document_id).where(documents.c.sha256 == sha256)
        if connection.execute(in_use).first() is None:
            originals.remove(sha256)


def remove_files(database: Database, originals: Originals, hashes: Sequence[str]) -> None:
    """The same for any number, in turns of a few: a store of objects takes its time, and others want to write."""
    for start in range(0, len(hashes), _FILES_AT_A_TIME):
        with database.writing() as connection:
            remove_unused_originals(connection, originals, hashes[start : start + _FILES_AT_A_TIME])


def unclaimed_originals(connection: Connection, originals: Originals) -> list[str]:
    """Hashes of files that no document has: one is just arriving, or a process was killed at the wrong moment."""
    return unclaimed(connection, originals.hashes())


def unclaimed(connection: Connection, hashes: Iterable[str]) -> list[str]:
    """Those of the hashes that no document has."""
    return sorted(set(hashes) - set(connection.scalars(select(documents.c.sha256))))


def _batches(items: Sequence[str]) -> list[Sequence[str]]:
    return [items[start : start + _BATCH] for start in range(0, len(items), _BATCH)]
