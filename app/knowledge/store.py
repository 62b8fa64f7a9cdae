"""The truth: documents, their chunks and vectors, in one SQL database and a folder of originals.

Every method is one transaction and may be called from any thread and any process. FAISS and the lexical index are
derived from here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import insert, select, update

from app.errors import ConfigurationError
from app.knowledge.changes import claim_embedding_model
from app.knowledge.database import open_database, translated
from app.knowledge.deletion import remove_chunks, remove_documents, remove_unused_originals
from app.knowledge.insertion import (
    Vectors,
    as_unit_vectors,
    identify,
    insert_chunks,
    insert_collection,
    insert_texts,
    replace_all_vectors,
)
from app.knowledge.metadata_filter import check_metadata
from app.knowledge.originals import Originals
from app.knowledge.reading import StoreReader, require_collection
from app.knowledge.records import NewChunk, NewText
from app.knowledge.rows import as_info, find_document, load_document
from app.knowledge.tables import document_texts, documents
from app.schemas import DocumentInfo, DocumentStatus, ProblemInfo


class KnowledgeStore(StoreReader):
    """Adds writing to `StoreReader`. A document is either wholly there (`indexed`) or has no text and no chunks."""

    def begin_document(
        self,
        data: bytes,
        *,
        name: str,
        collection: str,
        media_type: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> DocumentInfo:
        """Keep the original and note the document as `queued`, or give the one that is indexed with `duplicate` set.

        One that failed, was cancelled or is still on its way is begun anew: after a crash nobody may be working on it,
        and when two do, the first to commit wins.

        Raises:
            InvalidRequest: the metadata cannot be written as JSON.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        values: dict[str, Any] = {
            "name": name,
            "media_type": media_type,
            "status": "queued",
            "error": None,
            "extraction": None,
            "metadata": check_metadata(metadata or {}),
        }
        document_id = identify(collection, sha256)
        with self._database.reading() as connection:
            row = find_document(connection, document_id)
        if row is not None and row.status == "indexed":
            return as_info(row, duplicate=True)
        with (
            translated(),
            self._originals.staged(data, sha256) as publish,
            self._database.writing() as connection,
        ):
            row = find_document(connection, document_id)
            if row is not None and row.status == "indexed":
                return as_info(row, duplicate=True)
            publish()
            if row is None:
                insert_collection(connection, collection)
                values |= _new_document(document_id, collection, sha256, len(data))
                connection.execute(insert(documents).values(values))
            else:
                connection.execute(_update(document_id).values(values))
            return as_info(load_document(connection, document_id))

    def set_status(
        self,
        document_id: str,
        status: DocumentStatus,
        error: ProblemInfo | None = None,
        *,
        extraction: Mapping[str, Any] | None = None,
    ) -> DocumentInfo:
        """Note how far the work on a document is. One that is indexed stays so. Raises UnknownDocument.

        `extraction` is what was found out about its pages before the work came to an end.
        """
        with self._database.writing() as connection:
            connection.execute(
                _update(document_id)
                .where(documents.c.status != "indexed")
                .values(status=status, error=error.model_dump() if error else None, extraction=extraction)
            )
            return as_info(load_document(connection, document_id))

    def fail_interrupted(self) -> None:
        """Say of documents that were on their way when the last process ended that they did not arrive.

        Should another process be at work on one after all, what it commits still counts.
        """
        problem = ProblemInfo(
            code="interrupted", detail="The server stopped while it was being indexed; send it again"
        )
        with self._database.writing() as connection:
            connection.execute(
                update(documents)
                .where(documents.c.status.in_(["queued", "parsing", "embedding"]))
                .values(status="failed", error=problem.model_dump())
            )

    def commit_document(
        self,
        document_id: str,
        *,
        text: str,
        chunks: Sequence[NewChunk],
        vectors: Vectors | None,
        embedding_model: str,
        page_spans: Sequence[tuple[int, int]] = (),
        title: str | None = None,
        warnings: Sequence[str] = (),
        pages_without_text: Sequence[int] = (),
        extraction: Mapping[str, Any] | None = None,
    ) -> DocumentInfo:
        """Store everything about a document at once and make it `indexed`: it can be found from now on.

        `vectors[i]` belongs to `chunks[i]`; None leaves the document to the lexical search.

        Raises:
            UnknownDocument: it was deleted meanwhile.
            EmbeddingModelMismatch: the knowledge base holds vectors of another model.
            ModelMisbehaved: the vectors do not fit the chunks.
        """
        units = None if vectors is None else as_unit_vectors(vectors, len(chunks))
        with self._database.writing() as connection:
            row = load_document(connection, document_id)
            if row.status == "indexed":
                return as_info(row, duplicate=True)
            spans = [list(span) for span in page_spans]
            connection.execute(
                insert(document_texts).values(document_id=document_id, text=text, page_spans=spans)
            )
            insert_chunks(connection, document_id, row.collection, chunks, units, embedding_model)
            connection.execute(
                _update(document_id).values(
                    title=title,
                    pages=len(spans) or None,
                    pages_without_text=list(pages_without_text),
                    warnings=list(warnings),
                    extraction=extraction,
                    chunks=len(chunks),
                    status="indexed",
                    error=None,
                )
            )
            return as_info(load_document(connection, document_id))

    def delete_document(self, document_id: str) -> None:
        """Forget a document: text, chunks, vectors and, unless another document has the same bytes, the original.

        Raises:
            UnknownDocument
        """
        with self._database.writing() as connection:
            row = load_document(connection, document_id)
            remove_documents(connection, [document_id])
        self._remove_originals([row.sha256])

    def clear(self, collection: str | None = None) -> int:
        """Delete all documents of a collection, or all; tell how many. Raises UnknownCollection."""
        statement = select(documents.c.document_id, documents.c.sha256)
        with self._database.writing() as connection:
            if collection is not None:
                require_collection(connection, collection)
                statement = statement.where(documents.c.collection == collection)
            rows = connection.execute(statement).all()
            remove_documents(connection, [row.document_id for row in rows])
        self._remove_originals([row.sha256 for row in rows])
        return len(rows)

    def create_collection(self, name: str) -> None:
        """Create a collection unless it is there."""
        with self._database.writing() as connection:
            insert_collection(connection, name)

    def put_texts(
        self, texts: Sequence[NewText], vectors: Vectors, *, collection: str, embedding_model: str
    ) -> None:
        """Add texts under their ids, in place of those that have these ids now; each is a document of one chunk.

        Raises:
            EmbeddingModelMismatch: the knowledge base holds vectors of another model.
            InvalidRequest: metadata cannot be written as JSON.
        """
        units = as_unit_vectors(vectors, len(texts))
        with self._database.writing() as connection:
            remove_chunks(connection, [text.chunk_id for text in texts], collection)
            insert_texts(connection, texts, collection, units, embedding_model)

    def delete_chunks(self, chunk_ids: Sequence[str], collection: str) -> int:
        """Delete single chunks, and documents that are left without any; tell how many of the chunks existed."""
        with self._database.writing() as connection:
            return remove_chunks(connection, chunk_ids, collection)

    def require_embedding_model(self, name: str) -> None:
        """Make sure that the vectors here are of this model; a knowledge base without any takes it as its own.

        Raises:
            EmbeddingModelMismatch
        """
        with self._database.writing() as connection:
            claim_embedding_model(connection, name, None)

    def replace_vectors(self, chunk_nos: NDArray[np.int64], matrix: Vectors, *, embedding_model: str) -> None:
        """Give every chunk a vector of another model, which becomes the model of this knowledge base, all at once.

        Processes that are running go on with the vectors and the model that they have until they are started anew.

        Raises:
            InvalidRequest: chunks were added or removed since `chunk_nos` were read.
        """
        units = as_unit_vectors(matrix, len(chunk_nos))
        with self._database.writing() as connection:
            replace_all_vectors(connection, chunk_nos, units, embedding_model)

    def _remove_originals(self, hashes: Sequence[str]) -> None:
        with self._database.writing() as connection:
            remove_unused_originals(connection, self._originals, hashes)


@contextmanager
def open_store(database_url: str, data_dir: Path) -> Iterator[KnowledgeStore]:
    """Open the knowledge base of a data directory, creating or migrating it where that is needed.

    Raises:
        ConfigurationError: the database cannot be used.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        database = open_database(database_url)
    except OSError as error:
        raise ConfigurationError(
            f"LLMOPS_DATA_DIR={str(data_dir)!r} cannot be used: {error.strerror}"
        ) from error
    try:
        yield KnowledgeStore(database, Originals(data_dir / "originals"))
    finally:
        database.close()


def _update(document_id: str) -> Any:
    return update(documents).where(documents.c.document_id == document_id)


def _new_document(document_id: str, collection: str, sha256: str, size: int) -> dict[str, Any]:
    return {
        "document_id": document_id,
        "collection": collection,
        "bytes": size,
        "sha256": sha256,
        "has_original": True,
        "pages_without_text": [],
        "chunks": 0,
        "warnings": [],
        "created_at": datetime.now(UTC),
    }
