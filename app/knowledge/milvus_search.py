"""Searches in Milvus whose results the store has the last word on."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from app.knowledge.milvus_server import MOST, MilvusCollection, of_collection
from app.knowledge.quantised import ChunkNos, Vector
from app.knowledge.reading import StoreReader

_SLICE = 4_096  # chunk numbers in one condition, or in one query of the store
_MORE, _MORE_SHARE = 10, 4  # candidates beyond k, some of which may be deleted: k + 10 + k / 4
_AGAIN = 4


def nearest(
    store: StoreReader,
    model: str,
    rows: MilvusCollection,
    vector: Vector,
    k: int,
    collection: str,
    within: ChunkNos | None,
    last_no: int,
) -> list[tuple[int, float]]:
    """The k nearest chunks that the store has as (chunk_no, cosine), nearest first; numbers end at `last_no`."""
    unit = _as_unit(vector)
    wanted = k + _MORE + k // _MORE_SHARE
    while True:
        limit = min(wanted, MOST)
        candidates, is_all = [np.empty(0, dtype=np.int64)], True
        for condition, most in _conditions(collection, within, wanted, last_no):
            found = rows.nearest(unit, limit, condition)
            candidates.append(found)
            is_all = is_all and (len(found) < limit or (most is not None and most <= limit))
        hits = exact(store, model, vector, np.unique(np.concatenate(candidates)), collection)
        if is_all or len(hits) >= k:
            return hits[:k]
        wanted *= _AGAIN  # so many were deleted since Milvus was told


def exact(
    store: StoreReader, model: str, vector: Vector, chunk_nos: ChunkNos, collection: str
) -> list[tuple[int, float]]:
    """Those of the chunks that exist in the collection with their cosines, nearest first."""
    unit = _as_unit(vector)
    hits: list[tuple[int, float]] = []
    for start in range(0, len(chunk_nos), _SLICE):
        some = chunk_nos[start : start + _SLICE].tolist()
        present, matrix = store.matrix_by_no(some, of_model=model, collection=collection)
        if present:
            hits += zip(present, np.clip(matrix @ unit, -1.0, 1.0).tolist(), strict=True)
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))


def _conditions(
    collection: str, within: ChunkNos | None, wanted: int, last_no: int
) -> Iterator[tuple[str, int | None]]:
    """Conditions that together let pass what is asked for, with how many chunks each can let pass at most."""
    ours = of_collection(collection)
    if within is not None:
        for start in range(0, len(within), _SLICE):
            some = within[start : start + _SLICE].tolist()
            yield f"{ours} and chunk_no in {some}", len(some)
    elif wanted <= MOST:
        yield ours, None
    else:
        for first in range(1, last_no + 1, MOST):
            yield f"{ours} and chunk_no >= {first} and chunk_no < {first + MOST}", MOST


def _as_unit(vector: Vector) -> Vector:
    row = np.asarray(vector, dtype=np.float32).reshape(-1)
    return row / max(float(np.linalg.norm(row)), float(np.finfo(np.float32).tiny))
