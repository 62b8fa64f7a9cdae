"""Which chunks a search that is restricted to documents or by metadata may find."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, func, select

from app.errors import UnknownDocument
from app.knowledge.metadata_filter import matches
from app.knowledge.tables import chunks, documents
from app.tenancy import plain_name


def select_chunk_nos(
    connection: Connection,
    collection: str,
    document_ids: Sequence[str] | None,
    wanted: Mapping[str, Any] | None,
) -> NDArray[np.int64]:
    """Their numbers, growing; no document ids mean all documents.

    Raises:
        UnknownDocument: a document is not in the collection.
        InvalidRequest: the filter cannot be understood.
    """
    if document_ids is not None:
        require_documents(connection, document_ids, collection)
    if wanted:
        return _matching_chunk_nos(connection, collection, document_ids, wanted)
    return _chunk_nos(connection, collection, document_ids)


def require_documents(connection: Connection, document_ids: Sequence[str], collection: str | None) -> None:
    statement = select(documents.c.document_id).where(documents.c.document_id.in_(document_ids))
    if collection is not None:
        statement = statement.where(documents.c.collection == collection)
    known = set(connection.scalars(statement))
    for document_id in document_ids:
        if document_id not in known:
            place = f" in the collection {plain_name(collection)!r}" if collection is not None else ""
            raise UnknownDocument(f"There is no document {document_id!r}{place}")


def _chunk_nos(
    connection: Connection, collection: str, document_ids: Sequence[str] | None
) -> NDArray[np.int64]:
    # A document's chunks have consecutive numbers, so it is enough to ask for the ends, which an index knows.
    statement = select(func.min(chunks.c.chunk_no), func.max(chunks.c.chunk_no)).group_by(
        chunks.c.document_id
    )
    if document_ids is None:
        inside = select(documents.c.document_id).where(documents.c.collection == collection)
        statement = statement.where(chunks.c.document_id.in_(inside))
    else:
        statement = statement.where(chunks.c.document_id.in_(document_ids))
    ends = sorted(tuple(row) for row in connection.execute(statement))
    return np.concatenate([np.arange(0), *(np.arange(first, last + 1) for first, last in ends)])


def _matching_chunk_nos(
    connection: Connection, collection: str, document_ids: Sequence[str] | None, wanted: Mapping[str, Any]
) -> NDArray[np.int64]:
    statement = (
        select(chunks.c.chunk_no)
        .join_from(chunks, documents)
        .where(chunks.c.collection == collection, matches(wanted))
    )
    if document_ids is not None:
        statement = statement.where(chunks.c.document_id.in_(document_ids))
    # Sorted here: asked to sort, SQLite walks through all chunks in order instead of using the index.
    return np.sort(np.fromiter(connection.scalars(statement), dtype=np.int64))
