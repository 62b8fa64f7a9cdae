"""Vectors in memory for exact search, caught up from the store."""

from __future__ import annotations

import threading

import faiss
import numpy as np
from numpy.typing import NDArray

from app.knowledge.changes import VectorBatch
from app.knowledge.reading import StoreReader
from app.knowledge.records import Position

Vector = NDArray[np.float32]
ChunkNos = NDArray[np.int64]


class FaissIndex:
    """One flat inner-product index for each collection, whose ids are chunk numbers. Safe to use from any thread."""

    def __init__(self, store: StoreReader, model: str) -> None:
        # Two threads of OpenMP on a busy machine take 200 times as long as one.
        faiss.omp_set_num_threads(1)
        self._store = store
        self._model = model
        self._lock = threading.Lock()
        self._seen = Position()
        self._indexes: dict[str, faiss.IndexIDMap2] = {}

    def catch_up(self) -> None:
        """Take in what the store has and this index has not; one small query when there is nothing.

        Raises:
            EmbeddingModelMismatch: everything was embedded again with another model.
        """
        if self._store.position() == self._seen:
            return
        with self._lock, self._store.changes_since(self._seen) as changes:
            changes.require_embedding_model(self._model)
            self._remove(changes.removed())
            for batch in changes.added_vectors():
                self._add(batch)
                # Kept up to date on the way: should reading fail, the next attempt adds nothing twice.
                self._seen = Position(self._seen.change, int(batch.chunk_nos[-1]))
            self._seen = changes.position

    def search(
        self, vector: Vector, k: int, *, collection: str, within: ChunkNos | None = None
    ) -> list[tuple[int, float]]:
        """The k nearest chunks as (chunk_no, cosine), nearest first; fewer only when there are no more.

        `within` restricts the search itself to these chunk numbers.
        """
        self.catch_up()
        unit = _as_unit(vector)
        with self._lock:
            index = self._indexes.get(collection)
            if index is None or index.ntotal == 0 or k < 1 or (within is not None and not len(within)):
                return []
            parameters = None
            if within is not None:
                parameters = faiss.SearchParameters(
                    sel=faiss.IDSelectorBatch(np.ascontiguousarray(within))  # type: ignore[call-arg]
                )
            cosines, chunk_nos = index.search(unit, min(k, index.ntotal), params=parameters)
        found = zip(chunk_nos[0].tolist(), np.clip(cosines[0], -1.0, 1.0).tolist(), strict=True)
        return sorted(((no, cosine) for no, cosine in found if no >= 0), key=lambda hit: (-hit[1], hit[0]))

    def _add(self, batch: VectorBatch) -> None:
        index = self._indexes.get(batch.collection)
        if index is None or index.ntotal == 0:
            index = faiss.IndexIDMap2(faiss.IndexFlatIP(batch.matrix.shape[1]))
            self._indexes[batch.collection] = index
        index.add_with_ids(np.ascontiguousarray(batch.matrix), batch.chunk_nos)

    def _remove(self, ranges: list[tuple[int, int]]) -> None:
        if not ranges:
            return
        gone = np.concatenate([np.arange(first, last + 1, dtype=np.int64) for first, last in ranges])
        for index in self._indexes.values():
            index.remove_ids(faiss.IDSelectorBatch(gone))


def _as_unit(vector: Vector) -> Vector:
    row = np.asarray(vector, dtype=np.float32).reshape(1, -1)
    return row / max(float(np.linalg.norm(row)), float(np.finfo(np.float32).tiny))
