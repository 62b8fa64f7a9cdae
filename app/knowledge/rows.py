"""From rows of the tables to the values that callers see, and the statements that read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sqlalchemy import BigInteger, ColumnElement, Connection, Row, Select, cast, func, select

from app.errors import NotFound, UnknownCollection, UnknownDocument
from app.knowledge.records import Chunk
from app.knowledge.tables import chunks, collections, document_texts, documents
from app.schemas import DEFAULT_COLLECTION, DocumentInfo, ExtractionInfo, ProblemInfo, ReindexInfo
from app.tenancy import plain_name


def total_of(column: ColumnElement[int]) -> ColumnElement[int]:
    """The sum, 0 of nothing; of whole numbers PostgreSQL makes a decimal one."""
    return cast(func.coalesce(func.sum(column), 0), BigInteger)


def select_chunks() -> Select[Any]:
    """Chunks with the name and the fields of their document."""
    return select(
        chunks,
        documents.c.name.label("document_name"),
        documents.c.title.label("document_title"),
        documents.c.metadata.label("document_metadata"),
    ).join_from(chunks, documents)


def select_sketches() -> Select[Any]:
    """The fields of `Sketch`, in their order."""
    return select(
        chunks.c.chunk_no,
        chunks.c.document_id,
        documents.c.name,
        documents.c.title,
        chunks.c.page,
        chunks.c.char_start,
        chunks.c.char_end,
        chunks.c.text,
    ).join_from(chunks, documents)


def as_chunk(row: Row[Any]) -> Chunk:
    return Chunk(
        chunk_no=row.chunk_no,
        chunk_id=row.chunk_id,
        document_id=row.document_id,
        document_name=row.document_name,
        collection=row.collection,
        ordinal=row.ordinal,
        page=row.page,
        char_start=row.char_start,
        char_end=row.char_end,
        text=row.text,
        section=row.section,
        metadata=row.document_metadata | _metadata(row),
        document_title=row.document_title,
    )


def _metadata(row: Row[Any]) -> Mapping[str, Any]:
    # `Row.metadata` would be looked up as an attribute of SQLAlchemy's own.
    found: Mapping[str, Any] = row._mapping[chunks.c.metadata]  # noqa: SLF001  # the documented name
    return found


def as_info(row: Row[Any], *, duplicate: bool = False) -> DocumentInfo:
    return DocumentInfo(
        document_id=row.document_id,
        name=row.name,
        collection=plain_name(row.collection),
        media_type=row.media_type,
        bytes=row.bytes,
        sha256=row.sha256,
        pages=row.pages,
        pages_without_text=None if row.pages is None else len(row.pages_without_text),
        chunks=row.chunks,
        keywords=row.keywords,
        status=row.status,
        error=ProblemInfo(**row.error) if row.error else None,
        duplicate=duplicate,
        warnings=[*row.warnings, *_reindexing_warnings(row)],
        extraction=ExtractionInfo(**row.extraction) if row.extraction else None,
        reindexing=_reindex_info(row),
        created_at=row.created_at,
    )


def _reindex_info(row: Row[Any]) -> ReindexInfo | None:
    if row.reindexing is None:
        return None
    error = ProblemInfo(**row.reindex_error) if row.reindex_error else None
    return ReindexInfo(status=row.reindexing, error=error)


def _reindexing_warnings(row: Row[Any]) -> list[str]:
    if row.reindexing != "failed":
        return []
    detail = row.reindex_error["detail"]
    return [f"reading it again failed, so what was read before still counts: {detail}"]


def find_document(connection: Connection, document_id: str) -> Row[Any] | None:
    return connection.execute(select(documents).where(documents.c.document_id == document_id)).one_or_none()


def load_document(connection: Connection, document_id: str) -> Row[Any]:
    """The document's row.

    Raises:
        UnknownDocument: there is none.
    """
    row = find_document(connection, document_id)
    if row is None:
        raise UnknownDocument(f"There is no document {document_id!r}")
    return row


def has_collection(connection: Connection, name: str) -> bool:
    """Whether it was created; the default one needs no creation."""
    if plain_name(name) == DEFAULT_COLLECTION:
        return True
    found = connection.execute(select(collections.c.name).where(collections.c.name == name)).first()
    return found is not None


def require_collection(connection: Connection, name: str) -> None:
    """Raises UnknownCollection."""
    if not has_collection(connection, name):
        raise UnknownCollection(f"There is no collection {plain_name(name)!r}")


def load_text(connection: Connection, document_id: str) -> Row[Any]:
    """The document's `text` and `page_spans`.

    Raises:
        UnknownDocument: there is no such document.
        NotFound: nothing has been read from it (yet).
    """
    document = load_document(connection, document_id)
    row = connection.execute(
        select(document_texts).where(document_texts.c.document_id == document_id)
    ).one_or_none()
    if row is None:
        raise NotFound(f"Document {document_id!r} has no text: it is {document.status}")
    return row
