"""Embeds everything that is stored again, with another model than the knowledge base was built with."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial

from app.ingestion.contextual import add_context
from app.ingestion.indexer import CHUNKS_PER_BATCH, MAX_EMBEDDED_PIECES, Embedder
from app.ingestion.splitter import Measure, TextChunk
from app.knowledge.next_vectors import NextVectors, WaitingChunk
from app.knowledge.store import KnowledgeStore
from app.models.retry import with_patience


def reembed(
    store: KnowledgeStore,
    embedding_model: Embedder,
    word_pieces: Measure,
    on_progress: Callable[[int, int], None] | None = None,
    on_pause: Callable[[float], None] | None = None,
) -> int:
    """Give every chunk a vector of `embedding_model` and tell how many were still to be embedded.

    Each batch is kept, so that after an interruption the same call goes on where it was. The old vectors serve until
    every chunk has a new one, those that came in meanwhile included; then all are exchanged at once. `on_progress(done,
    total)` counts chunks, `on_pause(seconds)` tells that a provider's rate limit is being waited for. Blocking.

    Raises:
        ModelError: the embedding model failed; what is embedded so far is kept.
        InvalidRequest: another call began to move the knowledge base to yet another model.
    """
    coming = store.next_vectors(embedding_model.name)
    done, total = coming.begin()
    embedded = 0
    while True:
        for batch in _waiting(coming):
            if on_progress is not None:
                on_progress(done + embedded, max(total, done + embedded + len(batch)))
            texts = _contextual_texts(batch, word_pieces)
            matrix = with_patience(partial(embedding_model.embed, texts), on_pause=on_pause)
            coming.add([chunk.chunk_no for chunk in batch], matrix)
            embedded += len(batch)
        if coming.swap():
            return embedded


def _waiting(coming: NextVectors) -> Iterator[list[WaitingChunk]]:
    last = 0
    while batch := coming.waiting(last, CHUNKS_PER_BATCH):
        yield batch
        last = batch[-1].chunk_no


def _contextual_texts(batch: Sequence[WaitingChunk], word_pieces: Measure) -> list[str]:
    texts: list[str] = []
    for chunk in batch:
        texts += add_context(
            [_as_split(chunk, word_pieces)],
            word_pieces,
            name=chunk.document_name,
            title=chunk.document_title,
            max_pieces=MAX_EMBEDDED_PIECES,
        )
    return texts


def _as_split(chunk: WaitingChunk, word_pieces: Measure) -> TextChunk:
    return TextChunk(
        text=chunk.text,
        page=chunk.page,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        section=chunk.section,
        pieces=word_pieces.count(chunk.text),
    )
