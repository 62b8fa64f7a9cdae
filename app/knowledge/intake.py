"""The way into the store: bytes become a file and a row that waits for somebody to work on it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np
from sqlalchemy import Row, insert, select, update

from app.knowledge.database import translated
from app.knowledge.document_queue import QUEUED, UNFINISHED, Claim, Lease, as_claim, leased
from app.knowledge.drafts import remove_drafts
from app.knowledge.insertion import Vectors, as_unit_vectors, identify, insert_collection
from app.knowledge.metadata_filter import check_metadata
from app.knowledge.reading import StoreReader
from app.knowledge.records import WholeDocument
from app.knowledge.rows import as_info, find_document, load_document
from app.knowledge.tables import documents
from app.knowledge.whole_documents import insert_whole
from app.schemas import DocumentInfo

_KEPT = ("indexed", *UNFINISHED)


class DocumentIntake(StoreReader):
    """Adds to `StoreReader` how documents begin; the same bytes in the same collection are one document."""

    def begin_document(
        self,
        data: bytes,
        *,
        name: str,
        collection: str,
        media_type: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> DocumentInfo:
        """Keep the original and queue the document, or give the one that is indexed with `duplicate` set.

        One that failed or was cancelled begins anew; one that is on its way already stays as it is.

        Raises:
            InvalidRequest: the metadata cannot be written as JSON.
        """
        values = {"name": name, "media_type": media_type, "metadata": check_metadata(metadata or {})}
        return as_begun(self._begin(data, collection, values))

    def begin_leased(
        self,
        data: bytes,
        *,
        name: str,
        collection: str,
        media_type: str,
        lease: Lease,
        metadata: Mapping[str, Any] | None = None,
    ) -> tuple[DocumentInfo, Claim | None]:
        """As `begin_document`, and claim the document; no claim on one that is indexed or somebody else's."""
        values = {
            "name": name,
            "media_type": media_type,
            "metadata": check_metadata(metadata or {}),
        }
        row = self._begin(data, collection, values | leased(lease))
        return as_begun(row), as_claim(row) if row.lease_owner == lease.owner else None

    def begun(self, document_ids: Sequence[str]) -> dict[str, DocumentInfo]:
        """Those of the documents that are there, in whatever state; `duplicate` where they are indexed."""
        with self._database.reading() as connection:
            rows = connection.execute(select(documents).where(documents.c.document_id.in_(document_ids)))
            return {row.document_id: as_begun(row) for row in rows}

    def add_whole(
        self,
        wholes: Sequence[WholeDocument],
        vectors: Sequence[Vectors],
        *,
        collection: str,
        embedding_model: str,
    ) -> dict[str, DocumentInfo]:
        """Store documents at once, `vectors[i]` belonging to the chunks of `wholes[i]`; those that somebody else has
        begun meanwhile stay as they are. Gives all of them as they stand then.

        Raises:
            EmbeddingModelMismatch: the knowledge base holds vectors of another model.
            ModelMisbehaved: the vectors do not fit the chunks.
            InvalidRequest: metadata cannot be written as JSON.
        """
        ids = [whole.document_id for whole in wholes]
        chosen = select(documents).where(documents.c.document_id.in_(ids))
        with self._database.writing() as connection:
            there = {row.document_id: as_begun(row) for row in connection.execute(chosen)}
            new = [n for n, document_id in enumerate(ids) if document_id not in there]
            if new:
                count = sum(len(wholes[n].chunks) for n in new)
                units = as_unit_vectors(np.concatenate([vectors[n] for n in new]), count)
                insert_whole(connection, [wholes[n] for n in new], collection, units, embedding_model)
            stored = connection.execute(chosen)
            return {row.document_id: as_info(row) for row in stored} | there

    def _begin(self, data: bytes, collection: str, values: dict[str, Any]) -> Row[Any]:
        sha256 = hashlib.sha256(data).hexdigest()
        document_id = identify(collection, sha256)
        with self._database.reading() as connection:
            row = find_document(connection, document_id)
        if row is not None and row.status in _KEPT:
            return row
        with (
            translated(),
            self._originals.staged(data, sha256) as publish,
            self._database.writing() as connection,
        ):
            row = find_document(connection, document_id)
            if row is not None and row.status in _KEPT:
                return row
            publish()
            if row is None:
                insert_collection(connection, collection)
                new = _new_document(document_id, collection, sha256, len(data))
                connection.execute(insert(documents).values(QUEUED | new | values))
            else:
                remove_drafts(connection, document_id)  # they may have been made under another name
                this = documents.c.document_id == document_id
                connection.execute(update(documents).where(this).values(QUEUED | values))
            return load_document(connection, document_id)


def as_begun(row: Row[Any]) -> DocumentInfo:
    return as_info(row, duplicate=row.status == "indexed")


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
