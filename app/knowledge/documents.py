"""Chunks in LangChain's form."""

from __future__ import annotations

from typing import Any

from langchain_core.documents import Document

from app.knowledge.records import Chunk


def as_document(chunk: Chunk, **fields: Any) -> Document:
    """The chunk's text with its metadata, where it stands, and `fields`.

    A text that came whole through the `VectorStore` interface gets its own metadata back and nothing else.
    """
    metadata = dict(chunk.metadata)
    if chunk.chunk_id == f"{chunk.document_id}:{chunk.ordinal}":
        metadata |= {
            "document_id": chunk.document_id,
            "document_name": chunk.document_name,
            "page": chunk.page,
            "char_start": chunk.char_start,
            "char_end": chunk.char_end,
        }
    return Document(id=chunk.chunk_id, page_content=chunk.text, metadata=metadata | fields)
