"""Puts chunks and their vectors into the tables."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, insert, select

from app.errors import ModelMisbehaved
from app.knowledge.changes import STORED_FLOAT, allocate_chunk_numbers, claim_embedding_model
from app.knowledge.metadata_filter import check_metadata
from app.knowledge.records import NewChunk
from app.knowledge.tables import chunks, collections, vectors

Vectors = NDArray[np.float32]


def identify(collection: str, key: str) -> str:
    """The id of the document with this key in a collection: the same in every upload, so that citations last."""
    return hashlib.blake2b(f"{collection}\0{key}".encode(), digest_size=16).hexdigest()


def as_unit_vectors(matrix: Vectors, count: int) -> Vectors:
    """Vectors of length one, so that inner products are cosines.

    Raises:
        ModelMisbehaved: there are not `count` vectors, or one holds something that is not a number.
    """
    matrix = np.asarray(matrix, dtype=np.float32)
    if matrix.ndim != 2 or len(matrix) != count or not np.isfinite(matrix).all():
        raise ModelMisbehaved(
            f"The embedding model gave {matrix.shape} numbers, not all finite, for {count} texts"
        )
    lengths = np.linalg.norm(matrix, axis=1, keepdims=True)
    units: Vectors = matrix / np.maximum(lengths, np.finfo(np.float32).tiny)
    return units


def insert_collection(connection: Connection, name: str) -> None:
    """Create a collection unless it is there."""
    if connection.execute(select(collections.c.name).where(collections.c.name == name)).first() is None:
        connection.execute(insert(collections).values(name=name, created_at=datetime.now(UTC)))


def insert_chunks(
    connection: Connection,
    document_id: str,
    collection: str,
    new_chunks: Sequence[NewChunk],
    units: Vectors | None,
    embedding_model: str,
) -> None:
    rows = [
        chunk_row(document_id, collection, ordinal, chunk, f"{document_id}:{ordinal}")
        for ordinal, chunk in enumerate(new_chunks)
    ]
    insert_numbered(connection, rows, units, embedding_model)


def chunk_row(
    document_id: str, collection: str, ordinal: int, chunk: NewChunk, chunk_id: str
) -> dict[str, Any]:
    """A chunk as the table has it, all but its number."""
    return {
        "chunk_id": chunk_id,
        "document_id": document_id,
        "collection": collection,
        "ordinal": ordinal,
        "page": chunk.page,
        "char_start": chunk.char_start,
        "char_end": chunk.char_end,
        "text": chunk.text,
        "section": chunk.section,
        "metadata": check_metadata(chunk.metadata),
    }


def insert_numbered(
    connection: Connection, rows: Sequence[dict[str, Any]], units: Vectors | None, embedding_model: str
) -> None:
    """Store chunks under the next numbers; `units[i]` is the vector of `rows[i]`."""
    if not rows:
        return
    numbers = allocate_chunk_numbers(connection, len(rows))
    connection.execute(
        insert(chunks), [row | {"chunk_no": number} for row, number in zip(rows, numbers, strict=True)]
    )
    if units is None:
        return
    claim_embedding_model(connection, embedding_model, units.shape[1])
    _insert_vectors(connection, numbers, units)


def _insert_vectors(connection: Connection, numbers: Sequence[int], units: Vectors) -> None:
    stored = units.astype(STORED_FLOAT, copy=False)
    connection.execute(
        insert(vectors),
        [{"chunk_no": no, "vector": row.tobytes()} for no, row in zip(numbers, stored, strict=True)],
    )
