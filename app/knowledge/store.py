"""The truth: documents, their chunks and vectors, in one SQL database and a folder of originals.

Every method is one transaction and may be called from any thread and any process. FAISS and the lexical index are
derived from here.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from sqlalchemy import insert, select, update

from app.errors import ConfigurationError
from app.knowledge.batches import Batches
from app.knowledge.census import Census, take_census
from app.knowledge.changes import claim_embedding_model
from app.knowledge.claiming import claim_originals
from app.knowledge.collections import Collections
from app.knowledge.database import Database, open_database, translated
from app.knowledge.deletion import (
    remove_chunks,
    remove_content,
    remove_documents,
    remove_files,
    unclaimed,
    unclaimed_originals,
)
from app.knowledge.document_queue import FINISHED, Claim, DocumentQueue, require_held
from app.knowledge.drafts import Drafts, remove_drafts
from app.knowledge.insertion import Vectors, as_unit_vectors, insert_chunks, insert_collection
from app.knowledge.intake import DocumentIntake
from app.knowledge.jobs import Jobs
from app.knowledge.keys import ApiKeys
from app.knowledge.next_vectors import NextVectors
from app.knowledge.notes import Notes
from app.knowledge.originals import Originals, open_originals
from app.knowledge.ownership import belongs_to
from app.knowledge.records import NewChunk, NewText
from app.knowledge.reindexing import Reindexing
from app.knowledge.retention import Retention
from app.knowledge.rows import as_info, load_document, require_collection
from app.knowledge.shared_index import SharedIndex
from app.knowledge.tables import document_texts, documents
from app.knowledge.tenants import Tenants
from app.knowledge.whole_documents import as_whole, insert_whole
from app.schemas import DocumentInfo
from app.settings import Settings
from app.tenancy import DEFAULT_TENANT


class KnowledgeStore(DocumentIntake):
    """Adds the rest of writing. A document is either wholly there (`indexed`) or has no text and no chunks."""

    def __init__(self, database: Database, originals: Originals) -> None:
        super().__init__(database, originals)
        self.catalogue = Collections(database, originals)

    def census(self) -> Census:
        """How much there is, and how much waits."""
        return take_census(self._database)

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
        keywords: Sequence[str] = (),
        warnings: Sequence[str] = (),
        pages_without_text: Sequence[int] = (),
        extraction: Mapping[str, Any] | None = None,
        media_type: str | None = None,
        claim: Claim | None = None,
    ) -> DocumentInfo:
        """Store everything about a document at once and make it `indexed`: it can be found from now on.

        `vectors[i]` belongs to `chunks[i]`; None leaves the document to the lexical search. A worker gives its `claim`;
        of one that is read again, this takes the place of what was indexed before.

        Raises:
            LeaseLost: the claim is gone.
            UnknownDocument: it was deleted meanwhile.
            EmbeddingModelMismatch: the knowledge base holds vectors of another model.
            ModelMisbehaved: the vectors do not fit the chunks.
        """
        units = None if vectors is None else as_unit_vectors(vectors, len(chunks))
        with self._database.writing() as connection:
            if claim is not None:
                require_held(connection, claim)
            row = load_document(connection, document_id)
            if row.status == "indexed":
                if claim is None or not claim.reindexing:
                    return as_info(row, duplicate=True)
                if units is not None:  # while there are vectors to compare with
                    claim_embedding_model(connection, embedding_model, units.shape[1])
                remove_content(connection, document_id)
            remove_drafts(connection, document_id)
            spans = list(page_spans)
            connection.execute(
                insert(document_texts).values(document_id=document_id, text=text, page_spans=spans)
            )
            insert_chunks(connection, document_id, row.collection, chunks, units, embedding_model)
            values = FINISHED | {
                "title": title,
                "media_type": media_type or row.media_type,
                "keywords": list(keywords),
                "pages": len(spans) or None,
                "pages_without_text": list(pages_without_text),
                "warnings": list(warnings),
                "extraction": extraction,
                "chunks": len(chunks),
            }
            this = documents.c.document_id == document_id
            connection.execute(update(documents).where(this).values(values))
            return as_info(load_document(connection, document_id))

    def delete_document(self, document_id: str) -> None:
        """Forget a document in whatever state it is: text, chunks, vectors, drafts and the original.

        The original stays while another document has the same bytes. Neither the database nor its log holds the text
        afterwards, unless somebody was reading for long; see `Database.empty_log`.

        Raises:
            UnknownDocument
        """
        with self._database.writing() as connection:
            row = load_document(connection, document_id)
            remove_documents(connection, [document_id])
        self._remove_traces([row.sha256])

    def clear(self, collection: str | None = None, *, tenant: str = DEFAULT_TENANT) -> int:
        """Delete all documents of a collection, or all of a tenant; tell how many. Raises UnknownCollection."""
        statement = select(documents.c.document_id, documents.c.sha256)
        with self._database.writing() as connection:
            if collection is None:
                statement = statement.where(belongs_to(documents.c.collection, tenant))
            else:
                require_collection(connection, collection)
                statement = statement.where(documents.c.collection == collection)
            rows = connection.execute(statement).all()
            remove_documents(connection, [row.document_id for row in rows])
        self._remove_traces([row.sha256 for row in rows])
        return len(rows)

    def queue(self, *, lease_s: float, now: Callable[[], float] = time.time) -> DocumentQueue:
        """The documents that wait for workers; a dead worker keeps others waiting for `lease_s` seconds."""
        return DocumentQueue(self._database, lease_s=lease_s, now=now)

    def reindexing(self) -> Reindexing:
        """Documents that shall be read again."""
        return Reindexing(self._database, self._originals)

    def drafts(self) -> Drafts:
        """The finished steps of documents that are on their way."""
        return Drafts(self._database)

    def batches(self, *, lease_s: float, now: Callable[[], float] = time.time) -> Batches:
        """Questions that wait for answers; a dead worker keeps others waiting for `lease_s` seconds."""
        return Batches(self._database, lease_s=lease_s, now=now)

    def notes(self) -> Notes:
        """What models have noted on parts of documents."""
        return Notes(self._database)

    def retention(self) -> Retention:
        """What is kept for some time only."""
        return Retention(self._database, self.delete_document)

    def tenants(self) -> Tenants:
        """Whose everything is."""
        return Tenants(self._database, self._originals)

    def shared_index(self) -> SharedIndex:
        """For an index outside the database that all processes use."""
        return SharedIndex(self._database)

    def keys(self) -> ApiKeys:
        """Who may come in."""
        return ApiKeys(self._database)

    def jobs(self) -> Jobs:
        """What clients asked for, document by document."""
        return Jobs(self._database)

    def settings_for(self, collection: str, defaults: Settings) -> Settings:
        """The configuration as it holds for a collection, see `Collections.settings_for`."""
        return self.catalogue.settings_for(collection, defaults)

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
            wholes = [as_whole(text, collection) for text in texts]
            insert_whole(connection, wholes, collection, units, embedding_model)

    def delete_chunks(self, chunk_ids: Sequence[str], collection: str) -> int:
        """Delete single chunks, and documents that are left without any; tell how many of the chunks existed."""
        with self._database.writing() as connection:
            removed = remove_chunks(connection, chunk_ids, collection)
        self._remove_traces(removed.hashes)
        return removed.count

    def require_embedding_model(self, name: str) -> None:
        """Make sure that the vectors here are of this model; a knowledge base without any takes it as its own.

        Raises:
            EmbeddingModelMismatch
        """
        with self._database.writing() as connection:
            claim_embedding_model(connection, name, None)

    def next_vectors(self, model: str) -> NextVectors:
        """The way to another embedding model, which leaves the vectors and the model here alone until its end.

        Processes that are running then go on with the vectors and the model that they have until they are started anew.
        """
        return NextVectors(self._database, model)

    def sweep(self) -> None:
        """Finish the deletions and forget the arrivals that a kill has interrupted between database and files."""
        with self._database.reading() as connection:
            candidates = unclaimed_originals(connection, self._originals)
        remove_files(self._database, self._originals, candidates)
        with translated():
            self._originals.remove_abandoned()
        self.sweep_images()

    def sweep_images(self) -> None:
        """Remove the pictures of documents that another machine has deleted."""
        images = self._originals.images
        kept = list(images.hashes())
        with self._database.reading() as connection:
            for sha256 in unclaimed(connection, kept):
                images.remove(sha256)

    def _remove_traces(self, hashes: Sequence[str]) -> None:
        remove_files(self._database, self._originals, hashes)
        self._database.empty_log()


@contextmanager
def open_store(
    database_url: str, data_dir: Path, originals_url: str | None = None
) -> Iterator[KnowledgeStore]:
    """Open the knowledge base of a data directory, creating or migrating it where that is needed.

    Raises:
        ConfigurationError: the database, or the store of objects that has the originals, cannot be used; or the
            originals are another knowledge base's.
    """
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        database = open_database(database_url)
    except OSError as error:
        raise ConfigurationError(
            f"LLMOPS_DATA_DIR={str(data_dir)!r} cannot be used: {error.strerror}"
        ) from error
    try:
        originals = open_originals(data_dir, originals_url)
        claim_originals(database, originals)
        yield KnowledgeStore(database, originals)
    finally:
        database.close()


def open_configured_store(settings: Settings) -> AbstractContextManager[KnowledgeStore]:
    """The store of an installation; see `open_store`."""
    return open_store(settings.effective_database_url, settings.data_dir, settings.originals_url)
