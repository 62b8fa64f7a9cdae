"""The ways into the knowledge base: put a file into the queue, or take a file or text in at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any

from app.errors import UnknownDocument, UnreadableDocument
from app.ingestion.loaders import ParsedDocument, ParseLimits, detect_media_type
from app.ingestion.media_types import EXTENSIONS, MARKDOWN, TEXT
from app.ingestion.names import display_name
from app.ingestion.plain_text import read_text
from app.ingestion.watch import Progress
from app.ingestion.worker import Worker
from app.knowledge.document_queue import DocumentQueue, is_unfinished
from app.knowledge.store import KnowledgeStore
from app.schemas import DocumentInfo, ProblemInfo

_PAUSE_S = 0.2
_UNKNOWN_MEDIA_TYPE = "application/octet-stream"


class Ingestor:
    """Blocking, and safe to call from several threads; nothing of a document can be found before all of it can.

    Bytes that the collection holds already give that document, as `duplicate`; one that failed or was cancelled
    begins anew.
    """

    def __init__(self, store: KnowledgeStore, queue: DocumentQueue, worker: Worker) -> None:
        self._store = store
        self._queue = queue
        self._worker = worker

    def enqueue(
        self, data: bytes, name: str, *, collection: str, metadata: Mapping[str, Any] | None = None
    ) -> DocumentInfo:
        """Store a file durably and leave the rest to the workers; its content decides what it is.

        One that no loader reads is `failed` at once.
        """
        shown = display_name(name)
        try:
            media_type = detect_media_type(data, shown)
        except UnreadableDocument:
            return self.ingest_bytes(data, name, collection=collection, metadata=metadata)
        info = self._store.begin_document(
            data, name=shown, collection=collection, media_type=media_type, metadata=metadata
        )
        self._worker.expect(info.document_id)
        return info

    def ingest_bytes(
        self,
        data: bytes,
        name: str,
        *,
        collection: str,
        metadata: Mapping[str, Any] | None = None,
        on_progress: Progress | None = None,
    ) -> DocumentInfo:
        """Take a file in now; its content decides what it is, `name` is shown and must not contradict it.

        An unreadable file gives a document with status `failed` and `error`. When the embedding model fails, the
        document goes into the queue and is tried again later.
        """
        shown = display_name(name)
        try:
            media_type, parse = detect_media_type(data, shown), None
        except UnreadableDocument as error:
            media_type, parse = _UNKNOWN_MEDIA_TYPE, _raising(error)
        return self._ingest(data, shown, collection, media_type, metadata, parse, on_progress)

    def ingest_text(
        self,
        text: str,
        name: str,
        *,
        collection: str,
        metadata: Mapping[str, Any] | None = None,
        on_progress: Progress | None = None,
    ) -> DocumentInfo:
        """As `ingest_bytes`, for text that needs no decoding; it is Markdown if its name says so."""
        shown = display_name(name)
        media_type = media_type_of_text(shown)
        data = text.encode("utf-8", errors="replace")

        def parse() -> ParsedDocument:
            return read_text(text, media_type, ParseLimits())

        return self._ingest(data, shown, collection, media_type, metadata, parse, on_progress)

    def reindex(self, document_id: str) -> str:
        """Have a document read again and give the job that does it; what is indexed serves until it is done.

        Raises:
            UnknownDocument, DocumentBusy, MissingOriginal, InvalidRequest: as `Reindexing.request` says.
        """
        job_id = self._store.reindexing().request(document_id)
        self._worker.wake()
        return job_id

    def finish(self, document_id: str, on_progress: Progress | None = None) -> DocumentInfo:
        """Work on a document until it is finished, or wait for whoever has it. Raises UnknownDocument."""
        while is_unfinished(info := self._store.get_document(document_id)):
            claim = self._queue.claim(document_id, self._worker.lease().owner)
            if claim is None:
                time.sleep(_PAUSE_S)
            else:
                self._worker.carry_out(claim, on_progress=on_progress)
        return info

    def _ingest(
        self,
        data: bytes,
        name: str,
        collection: str,
        media_type: str,
        metadata: Mapping[str, Any] | None,
        parse: Callable[[], ParsedDocument] | None,
        on_progress: Progress | None,
    ) -> DocumentInfo:
        info, claim = self._store.begin_leased(
            data,
            name=name,
            collection=collection,
            media_type=media_type,
            metadata=metadata,
            lease=self._worker.lease(),
        )
        if claim is None:
            return info
        try:
            return self._worker.carry_out(claim, parse, on_progress)
        except UnknownDocument:
            gone = ProblemInfo(code=UnknownDocument.code, detail="It was deleted while it was being indexed")
            return info.model_copy(update={"status": "cancelled", "error": gone})


def media_type_of_text(name: str) -> str:
    """What a text is that needs no decoding: Markdown if its name says so."""
    is_markdown = EXTENSIONS.get(PurePosixPath(name).suffix.lower()) == MARKDOWN
    return MARKDOWN if is_markdown else TEXT


def _raising(error: UnreadableDocument) -> Callable[[], ParsedDocument]:
    def parse() -> ParsedDocument:
        raise error

    return parse
