"""Documents and their chunks a page at a time, for people who look through what is there."""

from __future__ import annotations

import io
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Select, func, select

from app.errors import NotFound, SpanOutsideText, UnknownPage
from app.knowledge.database import Database
from app.knowledge.originals import Originals, size_of
from app.knowledge.ownership import belongs_to
from app.knowledge.records import Chunk
from app.knowledge.rows import as_chunk, as_info, load_document, load_text, require_collection, select_chunks
from app.knowledge.tables import chunks, document_texts, documents
from app.schemas import DocumentInfo, DocumentStatus

T = TypeVar("T")

_MOST_CHARS = 2**31 - 2
"""More than a text can have; of a larger number SQLite's `substr` would take the lower 32 bits."""


@dataclass(frozen=True, slots=True)
class Slice(Generic[T]):
    """Some of `total` items, from `offset` on."""

    items: list[T]
    offset: int
    total: int

    @property
    def next_offset(self) -> int | None:
        """Where the next slice begins; None at the end."""
        end = self.offset + len(self.items)
        return end if self.items and end < self.total else None


class Listing:
    """Each method sees one state of the store; offsets and limits must fit into 63 bits."""

    def __init__(self, database: Database, originals: Originals) -> None:
        self._database = database
        self._originals = originals

    def documents(
        self,
        *,
        tenant: str,
        collection: str | None = None,
        statuses: Sequence[DocumentStatus] = (),
        name: str | None = None,
        limit: int,
        offset: int = 0,
    ) -> Slice[DocumentInfo]:
        """A tenant's documents, newest first; `name` must stand in theirs, whatever the case of ASCII letters.

        Raises:
            UnknownCollection
        """
        wanted = select(documents).where(belongs_to(documents.c.collection, tenant))
        if collection is not None:
            wanted = wanted.where(documents.c.collection == collection)
        if statuses:
            wanted = wanted.where(documents.c.status.in_(statuses))
        if name is not None:
            wanted = wanted.where(documents.c.name.icontains(name, autoescape=True))
        newest_first = wanted.order_by(documents.c.created_at.desc(), documents.c.document_id)
        with self._database.reading() as connection:
            if collection is not None:
                require_collection(connection, collection)
            total = _count(connection, wanted)
            rows = connection.execute(newest_first.limit(limit).offset(offset))
            return Slice([as_info(row) for row in rows], offset, total)

    def chunks(self, document_id: str, *, limit: int, offset: int = 0) -> Slice[Chunk]:
        """The chunks of a document in reading order. Raises UnknownDocument."""
        wanted = select_chunks().where(chunks.c.document_id == document_id)
        with self._database.reading() as connection:
            load_document(connection, document_id)
            total = _count(connection, wanted)
            rows = connection.execute(wanted.order_by(chunks.c.ordinal).limit(limit).offset(offset))
            return Slice([as_chunk(row) for row in rows], offset, total)

    def page(self, document_id: str, number: int) -> tuple[str, tuple[int, int]]:
        """The text of one page, counted from 1, and its span in the document's; the rest of it is not loaded.

        Raises:
            UnknownDocument
            NotFound: nothing has been read from it (yet).
            UnknownPage
        """
        chosen = document_texts.c.document_id == document_id
        with self._database.reading() as connection:
            spans = _value_of_text(connection, document_id, document_texts.c.page_spans)
            if not 1 <= number <= len(spans):
                raise UnknownPage(f"Document {document_id!r} has no page {number}: it has {len(spans)} pages")
            start, end = spans[number - 1]
            part = func.substr(document_texts.c.text, start + 1, end - start)
            return connection.scalars(select(part).where(chosen)).one(), (start, end)

    def part(self, document_id: str, start: int, end: int | None) -> str:
        """The text between two characters, or from one on; what is asked for behind its end is not there.

        Raises:
            UnknownDocument
            NotFound: nothing has been read from it (yet).
            SpanOutsideText: the text ends before `start`.
        """
        first = min(start, _MOST_CHARS) + 1
        count = _MOST_CHARS if end is None else min(end - start, _MOST_CHARS)
        with self._database.reading() as connection:
            cut = func.substr(document_texts.c.text, first, count)
            found = str(_value_of_text(connection, document_id, cut))
            if not found:
                length = _value_of_text(connection, document_id, func.length(document_texts.c.text))
                raise SpanOutsideText(f"start: {start} is behind the text, which has {length} characters")
            return found

    def open_original(self, document_id: str) -> tuple[BinaryIO, int]:
        """The bytes that were uploaded, opened for reading, and how many they are. The caller closes it.

        Raises:
            UnknownDocument
            MissingOriginal: somebody else removed it.
        """
        with self._database.reading() as connection:
            row = load_document(connection, document_id)
            if not row.has_original:
                data = str(load_text(connection, document_id).text).encode()
                return io.BytesIO(data), len(data)
        file = self._originals.open(row.sha256)
        return file, size_of(file)


def _value_of_text(connection: Connection, document_id: str, value: ColumnElement[Any]) -> Any:
    """Something of the document's row of texts, computed where the text is. Raises UnknownDocument, NotFound."""
    status = load_document(connection, document_id).status
    row = connection.execute(select(value).where(document_texts.c.document_id == document_id)).one_or_none()
    if row is None:
        raise NotFound(f"Document {document_id!r} has no text: it is {status}")
    return row[0]


def _count(connection: Connection, wanted: Select[Any]) -> int:
    rows = wanted.with_only_columns(documents.c.document_id).subquery()
    total: int = connection.scalars(select(func.count()).select_from(rows)).one()
    return total
