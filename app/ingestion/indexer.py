"""The work on one document: read it, split it, embed the chunks, commit; large ones from where they were left."""

from __future__ import annotations

import json
import logging
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from app.ingestion.contextual import add_context
from app.ingestion.loaders import LOADERS, ParsedDocument
from app.ingestion.parsed import parsed_from_fields
from app.ingestion.sandbox import parse_isolated
from app.ingestion.splitter import Measure, TextChunk, split
from app.ingestion.stages import stage
from app.ingestion.watch import Watch
from app.knowledge.records import NewChunk
from app.knowledge.store import KnowledgeStore
from app.models.keywords import extract_keywords
from app.schemas import DocumentInfo
from app.settings import Settings

_log = logging.getLogger("llmops.embedding")

# What the embedded model reads of a text, without its two special tokens.
MAX_EMBEDDED_PIECES = 254
CHUNKS_PER_BATCH = 64

Vectors = NDArray[np.float32]


class Embedder(Protocol):
    """The part of `EmbeddingModel` that ingestion calls."""

    @property
    def name(self) -> str: ...

    def embed(self, texts: Sequence[str]) -> Vectors: ...


class Indexer:
    """Blocking, and safe to call from several threads. Documents of one batch are not worth a draft of their own."""

    def __init__(
        self, store: KnowledgeStore, embedding_model: Embedder, word_pieces: Measure, settings: Settings
    ) -> None:
        self._store = store
        self._drafts = store.drafts()
        self._embedding_model = embedding_model
        self._word_pieces = word_pieces
        self._settings = settings

    def index(self, watch: Watch, parse: Callable[[], ParsedDocument] | None = None) -> DocumentInfo:
        """Make a claimed document `indexed`; `parse` spares reading the original where its text is at hand.

        Raises:
            UnreadableDocument, ModelError, StorageUnavailable: why it cannot be.
            LeaseLost, WorkerStopping: why it is not to be.
        """
        started = time.perf_counter()
        document_id = watch.claim.document_id
        settings = self._store.settings_for(watch.claim.collection, self._settings)
        splitting = [settings.chunk_tokens, settings.chunk_overlap_tokens]
        parsed = self._load_draft(document_id, splitting)
        is_draft = parsed is not None
        if parsed is None:
            with stage("parse"):
                parsed = parse() if parse else self._parse(watch)
        watch.check()
        with stage("split"):
            chunks = self._split(parsed, *splitting)
        is_large = len(chunks) > CHUNKS_PER_BATCH
        if is_large and not is_draft:
            self._drafts.save_parsed(watch.claim, _as_draft(parsed, splitting))
        with stage("embed"):
            vectors = self._embed(watch, parsed, chunks, is_large=is_large)
        with stage("commit"):
            indexed = self._commit(watch, parsed, chunks, vectors)
        _log.info(
            "document_indexed",
            extra={
                "document_id": document_id,
                "media_type": parsed.media_type,
                "pages": len(parsed.page_spans),
                "chunks": len(chunks),
                "seconds": round(time.perf_counter() - started, 2),
            },
        )
        return indexed

    def _parse(self, watch: Watch) -> ParsedDocument:
        claim = watch.claim
        return parse_isolated(
            self._store.original(claim.document_id),
            claim.name,
            # What no loader read before is looked at once more: this version may have learnt it.
            media_type=claim.media_type if claim.media_type in LOADERS else None,
            timeout_s=self._settings.parse_timeout_s,
            memory_mb=self._settings.parse_memory_mb,
            max_pages=self._settings.max_pages,
            stop=watch.is_over,
        )

    def _split(self, parsed: ParsedDocument, size: int, overlap: int) -> list[TextChunk]:
        return split(parsed, self._word_pieces, size=size, overlap=overlap)

    def _embed(
        self, watch: Watch, parsed: ParsedDocument, chunks: Sequence[TextChunk], *, is_large: bool
    ) -> Vectors:
        context = add_context(
            chunks,
            self._word_pieces,
            name=watch.claim.name,
            title=parsed.title,
            max_pieces=MAX_EMBEDDED_PIECES,
        )
        texts, model = list(context), self._embedding_model.name
        batches: list[Vectors] = []
        if is_large:
            batches = self._drafts.load_vectors(watch.claim.document_id, embedding_model=model)
        first = sum(map(len, batches))
        for start in range(first, len(texts), CHUNKS_PER_BATCH):
            watch.report("embedding", start, len(texts), durably=is_large)
            batch = self._embedding_model.embed(texts[start : start + CHUNKS_PER_BATCH])
            if is_large:
                self._drafts.save_vectors(watch.claim, start, batch, embedding_model=model)
            batches.append(batch)
        watch.report("embedding", len(texts), len(texts), durably=False)
        return np.concatenate(batches)

    def _commit(
        self, watch: Watch, parsed: ParsedDocument, chunks: Sequence[TextChunk], vectors: Vectors
    ) -> DocumentInfo:
        return self._store.commit_document(
            watch.claim.document_id,
            claim=watch.claim,
            text=parsed.text,
            page_spans=parsed.page_spans,
            title=parsed.title,
            keywords=extract_keywords(parsed.text),
            warnings=parsed.warnings,
            pages_without_text=parsed.pages_without_text,
            extraction=asdict(parsed.extraction),
            media_type=parsed.media_type,
            chunks=[as_new_chunk(chunk) for chunk in chunks],
            vectors=vectors,
            embedding_model=self._embedding_model.name,
        )

    def _load_draft(self, document_id: str, splitting: list[int]) -> ParsedDocument | None:
        """What was read before; None where nothing was, or other chunks would be made of it now."""
        draft = self._drafts.load_parsed(document_id)
        if draft is None:
            return None
        fields: dict[str, Any] = json.loads(draft)
        return parsed_from_fields(fields["parsed"]) if fields["splitting"] == splitting else None


def as_new_chunk(chunk: TextChunk) -> NewChunk:
    return NewChunk(chunk.text, chunk.page, chunk.char_start, chunk.char_end, chunk.section)


def _as_draft(parsed: ParsedDocument, splitting: list[int]) -> bytes:
    return json.dumps({"splitting": splitting, "parsed": asdict(parsed)}).encode()
