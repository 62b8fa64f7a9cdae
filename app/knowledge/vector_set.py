"""The vectors of all collections as one thread of catching up sees them: much quantised at once, the newest exact."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import faiss
import numpy as np

from app.knowledge.changes import Changes, VectorBatch
from app.knowledge.quantised import ChunkNos, QuantisedVectors, Vector
from app.knowledge.records import Position


@dataclass
class _Collection:
    base: QuantisedVectors | None = None
    tail: Any = None
    first_no: int = 0
    last_no: int = 0

    def add(self, batch: VectorBatch) -> None:
        if self.tail is None or self.tail.ntotal == 0:
            self.tail = faiss.IndexIDMap2(faiss.IndexFlatIP(batch.matrix.shape[1]))
            self.first_no = int(batch.chunk_nos[0])
        self.tail.add_with_ids(np.ascontiguousarray(batch.matrix), batch.chunk_nos)
        self.last_no = int(batch.chunk_nos[-1])

    def search_tail(self, unit: Vector, k: int, within: ChunkNos | None) -> list[tuple[int, float]]:
        if self.tail is None or self.tail.ntotal == 0:
            return []
        parameters = bitmap = None
        if within is not None:
            chosen = np.zeros(self.last_no + 1, dtype=np.bool_)
            chosen[within[np.searchsorted(within, self.first_no) : np.searchsorted(within, len(chosen))]] = (
                True
            )
            bitmap = np.packbits(chosen, bitorder="little")
            selector = faiss.IDSelectorBitmap(bitmap)  # type: ignore[call-arg, arg-type]
            parameters = faiss.SearchParameters(sel=selector)  # type: ignore[call-arg]
        cosines, chunk_nos = self.tail.search(unit, min(k, self.tail.ntotal), params=parameters)
        pairs = zip(chunk_nos[0].tolist(), cosines[0].tolist(), strict=True)
        return [(chunk_no, cosine) for chunk_no, cosine in pairs if chunk_no >= 0]

    def remove(self, ranges: list[tuple[int, int]], gone: ChunkNos) -> None:
        if self.base is not None:
            self.base.forget(ranges)
        if self.tail is not None:
            self.tail.remove_ids(faiss.IDSelectorBatch(gone))

    def __len__(self) -> int:
        """How many chunks can be found."""
        newest = self.tail.ntotal if self.tail is not None else 0
        return newest + (len(self.base) - self.base.forgotten if self.base is not None else 0)

    @property
    def loose(self) -> int:
        """What would go away if everything were quantised anew."""
        return (self.tail.ntotal if self.tail is not None else 0) + (self.base.forgotten if self.base else 0)


class VectorSet:
    """Searches may run in any number of threads while none adds or removes; see `FaissIndex` for the lock."""

    def __init__(
        self, bases: Mapping[str, QuantisedVectors] | None = None, seen: Position | None = None
    ) -> None:
        self.seen = seen or Position()
        self._collections = {name: _Collection(base) for name, base in (bases or {}).items()}

    def __len__(self) -> int:
        return sum(len(collection) for collection in self._collections.values())

    @property
    def loose(self) -> int:
        return sum(collection.loose for collection in self._collections.values())

    def take_in(self, changes: Changes) -> None:
        self._remove(changes.removed())
        for batch in changes.added_vectors():
            self._collections.setdefault(batch.collection, _Collection()).add(batch)
            # Kept up to date on the way: should reading fail, the next attempt adds nothing twice.
            self.seen = Position(self.seen.change, int(batch.chunk_nos[-1]))
        self.seen = changes.position

    def base(self, collection: str) -> QuantisedVectors | None:
        """May be searched without the lock."""
        found = self._collections.get(collection)
        return found.base if found is not None else None

    def search_tail(
        self, unit: Vector, k: int, collection: str, within: ChunkNos | None
    ) -> list[tuple[int, float]]:
        """The k nearest of the newest chunks as (chunk_no, cosine), in no order."""
        found = self._collections.get(collection)
        return found.search_tail(unit, k, within) if found is not None else []

    def _remove(self, ranges: list[tuple[int, int]]) -> None:
        if not ranges:
            return
        gone = np.concatenate([np.arange(first, last + 1, dtype=np.int64) for first, last in ranges])
        for collection in self._collections.values():
            collection.remove(ranges, gone)
