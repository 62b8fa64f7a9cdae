"""Texts that become documents at once: row, text, chunks and vectors of many of them, in a few statements."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, insert

from app.knowledge.insertion import Vectors, chunk_row, identify, insert_collection, insert_numbered
from app.knowledge.metadata_filter import check_metadata
from app.knowledge.records import NewChunk, NewText, WholeDocument
from app.knowledge.tables import document_texts, documents


def insert_whole(
    connection: Connection,
    wholes: Sequence[WholeDocument],
    collection: str,
    units: Vectors,
    embedding_model: str,
) -> None:
    """Store documents that are not there yet; `units` holds the vectors of all their chunks, one after another."""
    insert_collection(connection, collection)
    if not wholes:
        return
    connection.execute(insert(documents), [_document_row(whole, collection) for whole in wholes])
    connection.execute(
        insert(document_texts),
        [{"document_id": whole.document_id, "text": whole.text, "page_spans": []} for whole in wholes],
    )
    rows = [
        chunk_row(whole.document_id, collection, ordinal, chunk, whole.chunk_id(ordinal))
        for whole in wholes
        for ordinal, chunk in enumerate(whole.chunks)
    ]
    insert_numbered(connection, rows, units, embedding_model)


def as_whole(text: NewText, collection: str) -> WholeDocument:
    """A text of the `VectorStore` interface as a document of one chunk, so that it can be listed, cited and deleted
    like any other.
    """
    source = text.metadata.get("source")
    return WholeDocument(
        document_id=identify(collection, f"text {text.chunk_id}"),
        name=source if isinstance(source, str) and source else text.chunk_id,
        media_type="text/plain",
        text=text.text,
        chunks=(NewChunk(text.text, None, 0, len(text.text)),),
        metadata=text.metadata,
        only_chunk_id=text.chunk_id,
    )


def _document_row(whole: WholeDocument, collection: str) -> dict[str, Any]:
    data = whole.text.encode()
    return {
        "document_id": whole.document_id,
        "collection": collection,
        "name": whole.name,
        "title": whole.title,
        "keywords": list(whole.keywords),
        "media_type": whole.media_type,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "has_original": False,
        "pages_without_text": [],
        "chunks": len(whole.chunks),
        "status": "indexed",
        "warnings": [],
        "extraction": whole.extraction,
        "metadata": check_metadata(whole.metadata),
        "created_at": datetime.now(UTC),
    }
