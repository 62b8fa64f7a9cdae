"""Takes texts of a few chunks in by the group: they are embedded in one call and stored in one transaction."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from app.errors import EmbeddingModelMismatch, ModelError, UnreadableDocument
from app.ingestion.contextual import add_context
from app.ingestion.indexer import CHUNKS_PER_BATCH, MAX_EMBEDDED_PIECES, Embedder, as_new_chunk
from app.ingestion.ingest import Ingestor, media_type_of_text
from app.ingestion.names import display_name
from app.ingestion.parsed import ParseLimits
from app.ingestion.plain_text import read_text
from app.ingestion.splitter import Measure, split
from app.ingestion.stages import stage
from app.knowledge.insertion import Vectors, identify
from app.knowledge.records import WholeDocument
from app.knowledge.store import KnowledgeStore
from app.models.keywords import extract_keywords
from app.schemas import DocumentInfo
from app.settings import Settings
from app.telemetry import metrics

TEXTS_TOGETHER = 32
"""Enough that a commit costs little of each, few enough that groups overlap and none is long in the making."""

_MOST_CHARS = 100_000
"""More than `CHUNKS_PER_BATCH` chunks hold; so that nothing long is read twice."""

_log = logging.getLogger("llmops.embedding")


@dataclass(frozen=True, slots=True)
class ReceivedText:
    name: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Prepared:
    """`embedded` is what the vectors of the document's chunks are made of."""

    whole: WholeDocument
    embedded: list[str]


class SmallTexts:
    """Blocking, and safe to call from several threads.

    Texts need neither a file nor a claim: one that is not stored when the process dies was not acknowledged either.
    What is not as simple goes to the `Ingestor`, as files do: a text that is long, that has to be cleaned and so is not
    its own original, that cannot be read, or that failed before; and all of them when the embedding model fails.
    """

    def __init__(
        self,
        store: KnowledgeStore,
        ingestor: Ingestor,
        embedding_model: Embedder,
        word_pieces: Measure,
        settings: Settings,
    ) -> None:
        self._store = store
        self._ingestor = ingestor
        self._embedding_model = embedding_model
        self._word_pieces = word_pieces
        self._settings = settings

    def ingest(self, texts: Sequence[ReceivedText], *, collection: str) -> list[DocumentInfo]:
        """Take the texts in, and give each as it stands then, in their order; the same text is stored once.

        Raises:
            InvalidRequest: metadata cannot be written as JSON.
            StorageUnavailable: none of those that are stored together was stored.
        """
        ids = [_identify(text, collection) for text in texts]
        known = self._store.begun(ids)
        new = {
            document_id: text
            for document_id, text in zip(ids, texts, strict=True)
            if document_id not in known
        }
        prepared = self._prepare(new, collection)
        stored = self._store_together(prepared, collection)
        return self._outcomes(ids, texts, collection, known, stored)

    def _prepare(self, new: Mapping[str, ReceivedText], collection: str) -> list[_Prepared]:
        settings = self._store.settings_for(collection, self._settings)
        splitting = (settings.chunk_tokens, settings.chunk_overlap_tokens)
        found = (self._prepare_one(document_id, text, splitting) for document_id, text in new.items())
        return [prepared for prepared in found if prepared is not None]

    def _prepare_one(
        self, document_id: str, text: ReceivedText, splitting: tuple[int, int]
    ) -> _Prepared | None:
        """None where the text has to go another way."""
        if len(text.text) > _MOST_CHARS:
            return None
        name = display_name(text.name)
        try:
            parsed = read_text(text.text, media_type_of_text(name), ParseLimits())
        except UnreadableDocument:
            return None
        if parsed.text != text.text:
            return None
        chunks = split(parsed, self._word_pieces, size=splitting[0], overlap=splitting[1])
        if len(chunks) > CHUNKS_PER_BATCH:
            return None
        whole = WholeDocument(
            document_id=document_id,
            name=name,
            media_type=parsed.media_type,
            text=parsed.text,
            chunks=[as_new_chunk(chunk) for chunk in chunks],
            title=parsed.title,
            keywords=extract_keywords(parsed.text),
            extraction=asdict(parsed.extraction),
            metadata=text.metadata,
        )
        context = add_context(
            chunks, self._word_pieces, name=name, title=parsed.title, max_pieces=MAX_EMBEDDED_PIECES
        )
        return _Prepared(whole, list(context))

    def _store_together(self, prepared: Sequence[_Prepared], collection: str) -> dict[str, DocumentInfo]:
        """What is stored now; nothing when the embedding model fails."""
        if not prepared:
            return {}
        started = time.perf_counter()
        try:
            with stage("embed"):
                vectors = self._embed(prepared)
            with stage("commit"):
                stored = self._store.add_whole(
                    [one.whole for one in prepared],
                    vectors,
                    collection=collection,
                    embedding_model=self._embedding_model.name,
                )
        except (ModelError, EmbeddingModelMismatch):
            return {}
        metrics.processed_documents("indexed", len(stored))
        seconds = time.perf_counter() - started
        _log.info("texts_indexed", extra={"documents": len(stored), "seconds": round(seconds, 2)})
        return stored

    def _embed(self, prepared: Sequence[_Prepared]) -> list[Vectors]:
        texts = [text for one in prepared for text in one.embedded]
        batches = [
            self._embedding_model.embed(texts[start : start + CHUNKS_PER_BATCH])
            for start in range(0, len(texts), CHUNKS_PER_BATCH)
        ]
        ends = np.cumsum([len(one.embedded) for one in prepared])
        return np.split(np.concatenate(batches), ends[:-1])

    def _outcomes(
        self,
        ids: Sequence[str],
        texts: Sequence[ReceivedText],
        collection: str,
        known: Mapping[str, DocumentInfo],
        stored: Mapping[str, DocumentInfo],
    ) -> list[DocumentInfo]:
        outcomes: list[DocumentInfo] = []
        told: set[str] = set()
        for document_id, text in zip(ids, texts, strict=True):
            info = stored.get(document_id) or known.get(document_id)
            if info is None or info.status in ("failed", "cancelled"):
                info = self._ingestor.ingest_text(
                    text.text, text.name, collection=collection, metadata=text.metadata
                )
            if document_id in told:
                info = info.model_copy(update={"duplicate": info.status == "indexed"})
            told.add(document_id)
            outcomes.append(info)
        return outcomes


def _identify(text: ReceivedText, collection: str) -> str:
    data = text.text.encode("utf-8", errors="replace")
    return identify(collection, hashlib.sha256(data).hexdigest())
