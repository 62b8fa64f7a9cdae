"""Documents that shall be read and indexed again; what was indexed of them serves until the new reading is whole."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, select, update

from app.errors import DocumentBusy, InvalidRequest
from app.knowledge.database import Database, translated
from app.knowledge.document_queue import IDLE, QUEUED, UNFINISHED, as_written, is_unfinished
from app.knowledge.drafts import remove_drafts
from app.knowledge.insertion import identify
from app.knowledge.jobs import attach_documents, insert_job
from app.knowledge.originals import Originals
from app.knowledge.rows import as_info, load_document, load_text
from app.knowledge.tables import documents, job_documents, jobs
from app.tenancy import tenant_of

_GIVEN_UP = ("failed", "cancelled")


class Reindexing:
    """Every method is one transaction. Each request is a job of its own, of one document."""

    def __init__(self, database: Database, originals: Originals) -> None:
        self._database = database
        self._originals = originals

    def request(self, document_id: str) -> str:
        """Put a document into the queue, to be read anew from its original; give the job that follows it.

        One that is indexed stays so, whatever becomes of it; one that failed or was cancelled begins anew.

        Raises:
            UnknownDocument
            DocumentBusy: it is on its way already.
            MissingOriginal: somebody else removed it.
            InvalidRequest: it is one chunk of the `VectorStore` interface, under an id of its caller's.
        """
        with (
            translated(),
            self._original_of(document_id) as publish,
            self._database.writing() as connection,
        ):
            row = load_document(connection, document_id)
            if is_unfinished(as_info(row)):
                raise DocumentBusy(f"Document {document_id!r} is being read already, or waits for it")
            publish()
            job_id = insert_job(connection, tenant_of(row.collection))
            attach_documents(connection, job_id, [(document_id, False)])
            remove_drafts(connection, document_id)  # they are of an earlier reading
            values = QUEUED | {"reindex_job": job_id}
            values = as_written(values, reindexing=row.status == "indexed") | {"has_original": True}
            _update(connection, documents.c.document_id == document_id, values)
        return job_id

    def cancel(self, job_id: str) -> None:
        """Stop reading what this job asked for, unless an upload wants it since; what was indexed before stays."""
        own = (documents.c.reindex_job == job_id) & ~_is_wanted_since(job_id)
        self._change(own, UNFINISHED, {**IDLE, "status": "cancelled", "error": None})

    def resume(self, job_id: str) -> None:
        """Go on with what failed or was cancelled of this job."""
        own = documents.c.reindex_job == job_id
        self._change(own, _GIVEN_UP, QUEUED | {"reindex_job": job_id})

    def _change(self, own: ColumnElement[bool], stages: tuple[str, ...], values: dict[str, Any]) -> None:
        with self._database.writing() as connection:
            for reindexing in (False, True):
                stage = documents.c.reindexing if reindexing else documents.c.status
                _update(connection, own & stage.in_(stages), as_written(values, reindexing=reindexing))

    def _original_of(self, document_id: str) -> AbstractContextManager[Callable[[], None]]:
        """Make sure that there is a file to read from; a text that was its own original is written into one."""
        with self._database.reading() as connection:
            row = load_document(connection, document_id)
            if not row.has_original:
                _require_content_of_its_own(row)
                text = str(load_text(connection, document_id).text)
                return self._originals.staged(text.encode(), row.sha256)
        self._originals.open(row.sha256).close()
        return nullcontext(lambda: None)


def _require_content_of_its_own(row: Row[Any]) -> None:
    if row.document_id != identify(row.collection, row.sha256):
        raise InvalidRequest(
            f"Document {row.document_id!r} was added through the VectorStore interface as one chunk, under an id of "
            "its own: there is nothing to read again, add it once more instead"
        )


def _is_wanted_since(job_id: str) -> ColumnElement[bool]:
    """Whether a later job, that is not cancelled, is about the document as well."""
    asked_at = select(jobs.c.created_at).where(jobs.c.job_id == job_id).scalar_subquery()
    later = jobs.alias()
    return exists().where(
        job_documents.c.document_id == documents.c.document_id,
        job_documents.c.job_id == later.c.job_id,
        later.c.job_id != job_id,
        later.c.created_at > asked_at,
        later.c.cancelled_at.is_(None),
    )


def _update(connection: Connection, chosen: ColumnElement[bool], values: dict[str, Any]) -> None:
    connection.execute(update(documents).where(chosen).values(values))
