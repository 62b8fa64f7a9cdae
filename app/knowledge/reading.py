"""Everything that can be asked of the store."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import case, func, select
from sqlalchemy.exc import SQLAlchemyError

from app.errors import StorageUnavailable, UnknownPage
from app.knowledge.changes import STORED_FLOAT, Changes, load_position
from app.knowledge.database import Database
from app.knowledge.listing import Listing
from app.knowledge.originals import Originals
from app.knowledge.ownership import belongs_to, require_own_document
from app.knowledge.records import Chunk, Position, Sketch, StoreStats
from app.knowledge.rows import (
    as_chunk,
    as_info,
    has_collection,
    load_document,
    load_text,
    require_collection,
    select_chunks,
    select_sketches,
    total_of,
)
from app.knowledge.selection import require_documents, select_chunk_nos
from app.knowledge.tables import chunks, collections, document_texts, documents, knowledge_base, vectors
from app.schemas import DocumentInfo
from app.tenancy import DEFAULT_TENANT


class StoreReader:
    """The reading half of `KnowledgeStore`; each method sees one state of the store."""

    def __init__(self, database: Database, originals: Originals) -> None:
        self._database = database
        self._originals = originals
        self.listing = Listing(database, originals)
        self._look = threading.local()

    def problem(self) -> str | None:
        """What is wrong with the database: that it does not answer, or what has shown when it was used."""
        try:
            self.position()
        except (SQLAlchemyError, StorageUnavailable):
            return self._database.damage or "the database does not answer"
        return self._database.damage

    def embedding_model(self) -> str | None:
        """The model whose vectors are stored; None before the first process has opened the store with one."""
        with self._database.glancing() as connection:
            name: str | None = connection.execute(select(knowledge_base.c.embedding_model)).scalar_one()
            return name

    # Documents

    def get_document(self, document_id: str) -> DocumentInfo:
        """Raises UnknownDocument."""
        with self._database.glancing() as connection:
            return as_info(load_document(connection, document_id))

    def require_document(self, document_id: str, tenant: str) -> None:
        """Raises UnknownDocument: there is none, or it is another tenant's."""
        with self._database.reading() as connection:
            require_own_document(connection, document_id, tenant)

    def list_documents(
        self, collection: str | None = None, *, tenant: str = DEFAULT_TENANT
    ) -> list[DocumentInfo]:
        """The documents of one collection, or all of a tenant, newest first. Raises UnknownCollection."""
        statement = select(documents).order_by(documents.c.created_at.desc(), documents.c.document_id)
        with self._database.reading() as connection:
            if collection is None:
                statement = statement.where(belongs_to(documents.c.collection, tenant))
            else:
                require_collection(connection, collection)
                statement = statement.where(documents.c.collection == collection)
            return [as_info(row) for row in connection.execute(statement)]

    def document_title(self, document_id: str) -> str | None:
        """The title that the document itself gives. Raises UnknownDocument."""
        with self._database.glancing() as connection:
            title: str | None = load_document(connection, document_id).title
            return title

    def document_text(self, document_id: str) -> str:
        """The whole stored text, into which spans point. Raises UnknownDocument, NotFound."""
        with self._database.reading() as connection:
            return str(load_text(connection, document_id).text)

    def page_spans(self, document_id: str) -> tuple[tuple[int, int], ...]:
        """Where each page stands in the text; empty when the format has no pages. Raises as `document_text`."""
        with self._database.reading() as connection:
            return tuple((start, end) for start, end in load_text(connection, document_id).page_spans)

    def page_text(self, document_id: str, number: int) -> str:
        """The text of one page, counted from 1. Raises as `document_text`, and UnknownPage."""
        with self._database.reading() as connection:
            row = load_text(connection, document_id)
        if not 1 <= number <= len(row.page_spans):
            raise UnknownPage(
                f"Document {document_id!r} has no page {number}: it has {len(row.page_spans)} pages"
            )
        start, end = row.page_spans[number - 1]
        return str(row.text[start:end])

    def original(self, document_id: str) -> bytes:
        """The bytes that were uploaded. Raises UnknownDocument, MissingOriginal."""
        with self._database.reading() as connection:
            row = load_document(connection, document_id)
            if not row.has_original:
                return str(load_text(connection, document_id).text).encode()
        with self._originals.open(row.sha256) as file:
            return file.read()

    def text_between(self, document_id: str, char_start: int, char_end: int) -> str:
        """A span of the stored text, empty when the document is gone; fast in a long one, too."""
        span = func.substr(document_texts.c.text, char_start + 1, char_end - char_start)
        with self._database.glancing() as connection:
            found = connection.scalar(select(span).where(document_texts.c.document_id == document_id))
        return str(found or "")

    # Chunks

    def chunks(self, document_ids: Sequence[str] | None = None, collection: str | None = None) -> list[Chunk]:
        """All chunks in reading order; documents in the order asked for, else in that of their indexing.

        Raises:
            UnknownDocument, UnknownCollection
        """
        statement = select_chunks().order_by(chunks.c.chunk_no)
        with self._database.reading() as connection:
            if collection is not None:
                require_collection(connection, collection)
                statement = statement.where(chunks.c.collection == collection)
            if document_ids is None:
                return [as_chunk(row) for row in connection.execute(statement)]
            require_documents(connection, document_ids, collection)
            rows = connection.execute(statement.where(chunks.c.document_id.in_(document_ids)))
            found = [as_chunk(row) for row in rows]
        place = {document_id: place for place, document_id in enumerate(document_ids)}
        return sorted(found, key=lambda chunk: (place[chunk.document_id], chunk.ordinal))

    def chunks_by_no(self, chunk_nos: Sequence[int]) -> dict[int, Chunk]:
        """Those of the chunks that still exist."""
        with self._database.glancing() as connection:
            rows = connection.execute(select_chunks().where(chunks.c.chunk_no.in_(chunk_nos)))
            return {row.chunk_no: as_chunk(row) for row in rows}

    def sketches_by_no(self, chunk_nos: Sequence[int], collection: str) -> dict[int, Sketch]:
        """The same of a collection, of each only what a search judges by.

        An index may be wrong about the collection, when the database is one from before: numbers are given again then.
        """
        own = chunks.c.chunk_no.in_(chunk_nos) & (chunks.c.collection == collection)
        with self._database.glancing() as connection:
            rows = connection.execute(select_sketches().where(own))
            return {row[0]: Sketch(*row) for row in rows}

    def vectors_by_no(self, chunk_nos: Sequence[int]) -> dict[int, NDArray[np.float32]]:
        """The vectors of those of the chunks that exist and have one."""
        found, matrix = self.matrix_by_no(chunk_nos)
        return dict(zip(found, matrix, strict=True))

    def matrix_by_no(
        self, chunk_nos: Sequence[int], *, of_model: str | None = None, collection: str | None = None
    ) -> tuple[list[int], NDArray[np.float32]]:
        """The same as one matrix, `matrix[i]` belonging to the i-th number; empty if not of the model asked for."""
        statement = select(vectors).where(vectors.c.chunk_no.in_(chunk_nos))
        if collection is not None:
            statement = statement.join_from(vectors, chunks).where(chunks.c.collection == collection)
        if of_model is not None:
            statement = statement.where(
                select(knowledge_base.c.id).where(knowledge_base.c.embedding_model == of_model).exists()
            )
        with self._database.glancing() as connection:
            rows = connection.execute(statement).all()
        matrix = np.frombuffer(b"".join(row.vector for row in rows), dtype=STORED_FLOAT)
        return [row.chunk_no for row in rows], matrix.astype(np.float32, copy=False).reshape(
            len(rows), -1 if rows else 0
        )

    def chunks_by_id(self, chunk_ids: Sequence[str], collection: str | None = None) -> dict[str, Chunk]:
        """Those of the chunks that exist; ids of `VectorStore` texts are unique in their collection only."""
        statement = select_chunks().where(chunks.c.chunk_id.in_(chunk_ids))
        if collection is not None:
            statement = statement.where(chunks.c.collection == collection)
        with self._database.glancing() as connection:
            return {row.chunk_id: as_chunk(row) for row in connection.execute(statement)}

    def select_chunk_nos(
        self,
        collection: str,
        document_ids: Sequence[str] | None = None,
        filter: Mapping[str, Any] | None = None,  # noqa: A002  # LangChain's name for it
    ) -> NDArray[np.int64]:
        """The numbers of all chunks that a search with these restrictions may find, growing.

        Raises:
            UnknownDocument: a document is not in the collection.
            InvalidRequest: the filter cannot be understood.
        """
        with self._database.reading() as connection:
            return select_chunk_nos(connection, collection, document_ids, filter)

    # The whole

    def has_collection(self, name: str) -> bool:
        """Whether a search may name it; the default collection needs no creation."""
        with self._database.glancing() as connection:
            return has_collection(connection, name)

    def collections(self) -> dict[str, int]:
        """The number of documents in each collection that can be asked about."""
        return self.stats().collections

    def stats(self, tenant: str | None = None) -> StoreStats:
        """Counts of one tenant or of all; collections under the names that they are stored by."""

        def having(*statuses: str) -> Any:
            return func.count(case((documents.c.status.in_(statuses), documents.c.document_id)))

        counted = (
            select(
                collections.c.name,
                having("indexed").label("indexed"),
                having("queued", "parsing", "embedding").label("unfinished"),
                having("failed", "cancelled").label("failed"),
                total_of(documents.c.chunks).label("chunks"),
                total_of(documents.c.bytes).label("bytes"),
            )
            .join_from(collections, documents, isouter=True)
            .group_by(collections.c.name)
            .order_by(collections.c.name)
        )
        if tenant is not None:
            counted = counted.where(belongs_to(collections.c.name, tenant))
        with self._database.reading() as connection:
            rows = connection.execute(counted).all()
        return StoreStats(
            documents=sum(row.indexed for row in rows),
            unfinished=sum(row.unfinished for row in rows),
            failed=sum(row.failed for row in rows),
            chunks=sum(row.chunks for row in rows),
            collections={row.name: row.indexed for row in rows},
            bytes=sum(row.bytes for row in rows),
        )

    # What indexes catch up by

    def last_change(self) -> int:
        """The number of the newest change; cheap enough for every search."""
        return self.position().change

    def position(self) -> Position:
        seen: Position | None = getattr(self._look, "position", None)
        if seen is not None:
            return seen
        with self._database.glancing() as connection:
            return load_position(connection)

    def has_removed_since(self, seen: Position) -> bool:
        """Whether any chunks have been taken out since; cheap enough for every search."""
        if self.position() == seen:
            return False
        with self.changes_since(seen) as changes:
            return changes.has_removed()

    @contextmanager
    def one_look(self) -> Iterator[None]:
        """Read the position once for all that this thread does in the block: a search asks for it again and again."""
        self._look.position = self.position()
        try:
            yield
        finally:
            del self._look.position

    @contextmanager
    def changes_since(self, seen: Position) -> Iterator[Changes]:
        """What an index that has seen `seen` is missing, as one snapshot that stays open for the block."""
        with self._database.reading() as connection:
            yield Changes(connection, seen)
