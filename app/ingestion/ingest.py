"""Take a file or a text into the knowledge base: dedupe, parse, split, embed, commit."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePosixPath
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.errors import LlmopsError, ModelError, UnknownDocument, UnreadableDocument
from app.ingestion.contextual import add_context
from app.ingestion.loaders import ParsedDocument, ParseLimits, detect_media_type
from app.ingestion.media_types import EXTENSIONS, MARKDOWN, TEXT
from app.ingestion.names import display_name
from app.ingestion.plain_text import read_text
from app.ingestion.sandbox import parse_isolated
from app.ingestion.splitter import Measure, TextChunk, split
from app.knowledge.records import NewChunk
from app.schemas import DocumentInfo, DocumentStatus, ProblemInfo
from app.settings import Settings

_log = logging.getLogger("llmops.embedding")

# What the embedded model reads of a text, without its two special tokens.
MAX_EMBEDDED_PIECES = 254
CHUNKS_PER_BATCH = 128
_UNKNOWN_MEDIA_TYPE = "application/octet-stream"

Progress = Callable[[DocumentStatus, int, int], None]
"""Called with the stage and how many of how many units of it are done."""


class DocumentStore(Protocol):
    """The part of `KnowledgeStore` that ingestion writes to."""

    def begin_document(
        self,
        data: bytes,
        *,
        name: str,
        collection: str,
        media_type: str,
        metadata: Mapping[str, Any] | None = None,
    ) -> DocumentInfo: ...

    def set_status(
        self,
        document_id: str,
        status: DocumentStatus,
        error: ProblemInfo | None = None,
        *,
        extraction: Mapping[str, Any] | None = None,
    ) -> DocumentInfo: ...

    def commit_document(
        self,
        document_id: str,
        *,
        text: str,
        chunks: Sequence[NewChunk],
        vectors: NDArray[np.float32] | None,
        embedding_model: str,
        page_spans: Sequence[tuple[int, int]] = (),
        title: str | None = None,
        warnings: Sequence[str] = (),
        pages_without_text: Sequence[int] = (),
        extraction: Mapping[str, Any] | None = None,
    ) -> DocumentInfo: ...


class Embedder(Protocol):
    """The part of `EmbeddingModel` that ingestion calls."""

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32]: ...


class Ingestor:
    """Blocking, and safe to call from several threads; nothing of a document can be found before all of it can."""

    def __init__(
        self, store: DocumentStore, embedding_model: Embedder, word_pieces: Measure, settings: Settings
    ) -> None:
        self._store = store
        self._embedding_model = embedding_model
        self._word_pieces = word_pieces
        self._settings = settings

    def ingest_bytes(
        self,
        data: bytes,
        name: str,
        *,
        collection: str,
        metadata: Mapping[str, Any] | None = None,
        on_progress: Progress | None = None,
    ) -> DocumentInfo:
        """Take in a file; its content decides what it is, `name` is shown and must not contradict it.

        An unreadable file or a failing embedding model gives a document with status `failed` and `error`; the same
        bytes may then be sent again. Bytes that the collection holds already give that document, as `duplicate`.
        """
        shown = display_name(name)
        try:
            media_type = detect_media_type(data, shown)
        except UnreadableDocument as error:
            info = self._begin(data, shown, collection, _UNKNOWN_MEDIA_TYPE, metadata)
            return info if info.duplicate else self._fail(info.document_id, error)

        def parse() -> ParsedDocument:
            return parse_isolated(
                data,
                shown,
                media_type=media_type,
                timeout_s=self._settings.parse_timeout_s,
                memory_mb=self._settings.parse_memory_mb,
                max_pages=self._settings.max_pages,
            )

        info = self._begin(data, shown, collection, media_type, metadata)
        return info if info.duplicate else self._index(info, parse, on_progress)

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
        is_markdown = EXTENSIONS.get(PurePosixPath(shown).suffix.lower()) == MARKDOWN
        media_type = MARKDOWN if is_markdown else TEXT
        info = self._begin(text.encode("utf-8", errors="replace"), shown, collection, media_type, metadata)
        return (
            info
            if info.duplicate
            else self._index(info, lambda: read_text(text, media_type, ParseLimits()), on_progress)
        )

    def _begin(
        self, data: bytes, name: str, collection: str, media_type: str, metadata: Mapping[str, Any] | None
    ) -> DocumentInfo:
        return self._store.begin_document(
            data, name=name, collection=collection, media_type=media_type, metadata=metadata
        )

    def _index(
        self, info: DocumentInfo, parse: Callable[[], ParsedDocument], on_progress: Progress | None
    ) -> DocumentInfo:
        started = time.perf_counter()
        try:
            self._store.set_status(info.document_id, "parsing")
            parsed = parse()
            chunks = split(
                parsed,
                self._word_pieces,
                size=self._settings.chunk_tokens,
                overlap=self._settings.chunk_overlap_tokens,
            )
            self._store.set_status(info.document_id, "embedding")
            vectors = self._embed(info.name, parsed, chunks, on_progress)
            indexed = self._commit(info.document_id, parsed, chunks, vectors)
        except (UnreadableDocument, ModelError) as error:
            return self._fail(info.document_id, error)
        except UnknownDocument:
            gone = ProblemInfo(code=UnknownDocument.code, detail="It was deleted while it was being indexed")
            return info.model_copy(update={"status": "cancelled", "error": gone})
        except BaseException:
            # Goes on to the caller, but the document must not look as if somebody were still at work on it.
            self._fail(info.document_id, LlmopsError("indexing was interrupted"))
            raise
        _log.info(
            "event=document_indexed document_id=%s media_type=%s pages=%d chunks=%d seconds=%.2f",
            info.document_id, parsed.media_type, len(parsed.page_spans), len(chunks), time.perf_counter() - started,
        )  # fmt: skip
        return indexed

    def _embed(
        self, name: str, parsed: ParsedDocument, chunks: Sequence[TextChunk], on_progress: Progress | None
    ) -> NDArray[np.float32]:
        texts = list(
            add_context(
                chunks, self._word_pieces, name=name, title=parsed.title, max_pieces=MAX_EMBEDDED_PIECES
            )
        )
        batches = []
        for start in range(0, len(texts), CHUNKS_PER_BATCH):
            if on_progress is not None:
                on_progress("embedding", start, len(texts))
            batches.append(self._embedding_model.embed(texts[start : start + CHUNKS_PER_BATCH]))
        if on_progress is not None:
            on_progress("embedding", len(texts), len(texts))
        return np.concatenate(batches)

    def _commit(
        self,
        document_id: str,
        parsed: ParsedDocument,
        chunks: Sequence[TextChunk],
        vectors: NDArray[np.float32],
    ) -> DocumentInfo:
        return self._store.commit_document(
            document_id,
            text=parsed.text,
            page_spans=parsed.page_spans,
            title=parsed.title,
            warnings=parsed.warnings,
            pages_without_text=parsed.pages_without_text,
            extraction=asdict(parsed.extraction),
            chunks=[
                NewChunk(chunk.text, chunk.page, chunk.char_start, chunk.char_end, chunk.section)
                for chunk in chunks
            ],
            vectors=vectors,
            embedding_model=self._embedding_model.name,
        )

    def _fail(self, document_id: str, error: LlmopsError) -> DocumentInfo:
        _log.warning("event=document_failed document_id=%s code=%s", document_id, error.code)
        extraction = error.extraction if isinstance(error, UnreadableDocument) else None
        problem = ProblemInfo(code=error.code, detail=error.detail)
        return self._store.set_status(document_id, "failed", problem, extraction=extraction)
