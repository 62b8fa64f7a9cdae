"""Compares what an engine for vectors finds with what the store has."""

from __future__ import annotations

from dataclasses import dataclass

from app.knowledge.quantised import Vector
from app.knowledge.records import Chunk, Position
from app.knowledge.store import KnowledgeStore
from app.knowledge.vector_store import IndexedVectorStore

_LOOKS = 5  # while others write, the two are rarely at the same change
_DEPTH = 10
_SAME = 1e-4


@dataclass(frozen=True, slots=True)
class VectorCheck:
    """`missed` of `sampled` chunks are not found by their own vectors, which have to be the nearest to themselves."""

    stored: int
    indexed: int
    sampled: int
    missed: int

    @property
    def is_right(self) -> bool:
        return self.stored == self.indexed and not self.missed


def check_vectors(store: KnowledgeStore, vectors: IndexedVectorStore) -> VectorCheck:
    """Count on both sides, and search for up to 64 chunks from all of the knowledge base. Blocking."""
    for _ in range(_LOOKS):
        vectors.catch_up()
        with store.changes_since(Position()) as changes:
            stored = changes.count_vectors()
            sample = list(changes.witnesses("vectors", changes.position))
        state = vectors.state()
        if state.seen == changes.position:
            break
    found = store.vectors_by_no(sample)
    chunks = [chunk for chunk_no, chunk in store.chunks_by_no(sample).items() if chunk_no in found]
    missed = sum(not _finds(vectors, chunk, found[chunk.chunk_no]) for chunk in chunks)
    return VectorCheck(stored, state.chunks, len(chunks), missed)


def _finds(vectors: IndexedVectorStore, chunk: Chunk, vector: Vector) -> bool:
    """Whether it is among the nearest to its vector, or these are all as near as itself, as copies of a text are."""
    hits = vectors.search_vector(vector, _DEPTH, collection=chunk.collection)
    is_found = any(chunk_no == chunk.chunk_no for chunk_no, _ in hits)
    return is_found or (len(hits) == _DEPTH and hits[-1][1] > 1.0 - _SAME)
