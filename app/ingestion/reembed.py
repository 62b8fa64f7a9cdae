"""Embeds everything that is stored again, with another model than the knowledge base was built with."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from app.ingestion.contextual import add_context
from app.ingestion.indexer import CHUNKS_PER_BATCH, MAX_EMBEDDED_PIECES
from app.ingestion.splitter import Measure, TextChunk
from app.knowledge.records import Chunk
from app.knowledge.store import KnowledgeStore
from app.models.embeddings import EmbeddingModel


def reembed(
    store: KnowledgeStore,
    embedding_model: EmbeddingModel,
    word_pieces: Measure,
    on_progress: Callable[[int, int], None] | None = None,
) -> int:
    """Give every chunk a vector of `embedding_model` and tell how many there are.

    The vectors are held in memory and take the place of the old ones in one transaction at the end: whatever happens
    before, the knowledge base stays as it was. `on_progress(done, total)` counts chunks. Blocking.

    Raises:
        ModelError: the embedding model failed.
        InvalidRequest: documents were added or deleted meanwhile.
    """
    chunks = store.chunks()
    texts = _contextual_texts(store, chunks, word_pieces)
    batches = []
    for start in range(0, len(texts), CHUNKS_PER_BATCH):
        if on_progress is not None:
            on_progress(start, len(texts))
        batches.append(embedding_model.embed(texts[start : start + CHUNKS_PER_BATCH]))
    matrix = np.concatenate(batches) if batches else np.empty((0, 0), dtype=np.float32)
    chunk_nos = np.array([chunk.chunk_no for chunk in chunks], dtype=np.int64)
    store.replace_vectors(chunk_nos, matrix, embedding_model=embedding_model.name)
    return len(chunks)


def _contextual_texts(store: KnowledgeStore, chunks: list[Chunk], word_pieces: Measure) -> list[str]:
    titles: dict[str, str | None] = {}
    texts: list[str] = []
    for chunk in chunks:
        if chunk.document_id not in titles:
            titles[chunk.document_id] = store.document_title(chunk.document_id)
        title, name = titles[chunk.document_id], chunk.document_name
        as_split = _as_split(chunk, word_pieces)
        texts += add_context([as_split], word_pieces, name=name, title=title, max_pieces=MAX_EMBEDDED_PIECES)
    return texts


def _as_split(chunk: Chunk, word_pieces: Measure) -> TextChunk:
    return TextChunk(
        text=chunk.text,
        page=chunk.page,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        section=chunk.section,
        pieces=word_pieces.count(chunk.text),
    )
