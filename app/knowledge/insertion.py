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
from app.knowledge.records import NewChunk, NewText
from app.knowledge.tables import chunks, collections, document_texts, documents, vectors

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
    rows: list[dict[str, Any]] = [
        {
            "chunk_id": f"{document_id}:{ordinal}",
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
        for ordinal, chunk in enumerate(new_chunks)
    ]
    _insert_numbered(connection, rows, units, embedding_model)


def insert_texts(
    connection: Connection, texts: Sequence[NewText], collection: str, units: Vectors, embedding_model: str
) -> None:
    """Store each text as a document of one chunk, so that it can be listed, cited and deleted like any other."""
    insert_collection(connection, collection)
    ids = [identify(collection, f"text {text.chunk_id}") for text in texts]
    if not ids:
        return
    connection.execute(
        insert(documents), [_document_of(i, text, collection) for i, text in zip(ids, texts, strict=True)]
    )
    connection.execute(
        insert(document_texts),
        [{"document_id": i, "text": text.text, "page_spans": []} for i, text in zip(ids, texts, strict=True)],
    )
    rows: list[dict[str, Any]] = [
        {
            "chunk_id": text.chunk_id,
            "document_id": document_id,
            "collection": collection,
            "ordinal": 0,
            "page": None,
            "char_start": 0,
            "char_end": len(text.text),
            "text": text.text,
            "section": None,
            "metadata": {},
        }
        for document_id, text in zip(ids, texts, strict=True)
    ]
    _insert_numbered(connection, rows, units, embedding_model)


def _document_of(document_id: str, text: NewText, collection: str) -> dict[str, Any]:
    data = text.text.encode()
    source = text.metadata.get("source")
    return {
        "document_id": document_id,
        "collection": collection,
        "name": source if isinstance(source, str) and source else text.chunk_id,
        "media_type": "text/plain",
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "has_original": False,
        "pages_without_text": [],
        "chunks": 1,
        "status": "indexed",
        "warnings": [],
        "metadata": check_metadata(text.metadata),
        "created_at": datetime.now(UTC),
    }


def _insert_numbered(
    connection: Connection, rows: Sequence[dict[str, Any]], units: Vectors | None, embedding_model: str
) -> None:
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
