"""Many vectors of one collection in a byte for each number, as a file that processes map into memory and share."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import faiss
import numpy as np
from numpy.typing import NDArray

Vector = NDArray[np.float32]
ChunkNos = NDArray[np.int64]

_STEPS = 127  # on either side of zero
_ALMOST_ALL = 0.9999
_FEW = 256  # so many are scored from the store itself faster than a selector walks over all
_SAMPLE_PER_CELL = 64
_LEAST_CELLS = 16
_PROBED_SHARE = 16


@dataclass(frozen=True)
class Sizes:
    """From how many vectors on a collection is kept otherwise; measured, see docs/adr/0006.

    `exact` bounds what is searched in full precision, besides what is quantised; `scanned` what is scanned from end to
    end; beyond it, vectors are sorted into cells, of which a search looks at the nearest.
    """

    exact: int = 50_000
    scanned: int = 2_000_000
    sample: int = 4_096


class QuantisedVectors:
    """Finds candidates whose exact cosines are then taken from the store; a row is a chunk, by growing number.

    Nothing but `forget` changes it, and that replaces what a search may be reading, so searches need no lock.
    """

    def __init__(self, index: Any, chunk_nos: ChunkNos, scale: float) -> None:
        self._index = index
        self._chunk_nos = chunk_nos
        self._scale = scale
        self._alive: NDArray[np.bool_] | None = None
        self.forgotten = 0

    def __len__(self) -> int:
        return len(self._chunk_nos)

    def candidates(self, unit: Vector, count: int, within: ChunkNos | None) -> ChunkNos:
        """At least the `count` nearest chunks, near ones first, some of which may have no vector any more."""
        alive = self._alive
        chosen = alive
        if within is not None:
            rows = self._rows(within)
            if len(rows) <= _FEW:
                return self._chunk_nos[rows if alive is None else rows[alive[rows]]]
            chosen = np.zeros(len(self), dtype=np.bool_)
            chosen[rows] = True
            if alive is not None:
                chosen &= alive
        selector = bitmap = None
        if chosen is not None:
            bitmap = np.packbits(chosen, bitorder="little")
            selector = faiss.IDSelectorBitmap(bitmap)  # type: ignore[call-arg, arg-type]
        parameters = self._parameters(selector, exhaustive=within is not None)
        query = _as_steps(unit, self._scale)
        _, rows = self._index.search(query, min(count, len(self)), params=parameters)
        found: ChunkNos = self._chunk_nos[rows[0][rows[0] >= 0]]
        return found

    def forget(self, ranges: Iterable[tuple[int, int]]) -> None:
        """Never find these chunk numbers, first to last, again."""
        alive = np.ones(len(self), dtype=np.bool_) if self._alive is None else self._alive.copy()
        for first, last in ranges:
            start = np.searchsorted(self._chunk_nos, first, side="left")
            alive[start : np.searchsorted(self._chunk_nos, last, side="right")] = False
        self.forgotten = len(alive) - int(np.count_nonzero(alive))
        if self.forgotten:
            self._alive = alive

    def save(self, folder: Path, stem: str) -> dict[str, Any]:
        """Write two files and give what `load` needs besides. Raises OSError."""
        try:
            faiss.write_index(self._index, str(folder / f"{stem}.faiss"))
        except RuntimeError as error:
            raise OSError(f"FAISS could not write its file: {error}") from error
        np.save(folder / f"{stem}.npy", self._chunk_nos)
        return {"stem": stem, "scale": self._scale, "count": len(self)}

    @classmethod
    def load(cls, folder: Path, details: Mapping[str, Any]) -> QuantisedVectors:
        """Map the files of `save` into memory. Raises ValueError when they do not fit together."""
        stem = details["stem"]
        try:
            index = faiss.read_index(str(folder / f"{stem}.faiss"), faiss.IO_FLAG_MMAP_IFC)
            chunk_nos = np.load(folder / f"{stem}.npy", mmap_mode="r", allow_pickle=False)
        except RuntimeError as error:
            raise ValueError(f"FAISS could not read its file: {error}") from error
        if not index.ntotal == len(chunk_nos) == details["count"]:
            raise ValueError(f"{index.ntotal} vectors for {len(chunk_nos)} chunks")
        return cls(index, chunk_nos, details["scale"])

    def _rows(self, chunk_nos: ChunkNos) -> NDArray[np.int64]:
        rows = np.searchsorted(self._chunk_nos, chunk_nos)
        rows[rows == len(self)] = 0
        found: NDArray[np.int64] = rows[self._chunk_nos[rows] == chunk_nos]
        return found

    def _parameters(self, selector: Any, *, exhaustive: bool) -> Any:
        if not isinstance(self._index, faiss.IndexIVF):
            return faiss.SearchParameters(sel=selector) if selector is not None else None  # type: ignore[call-arg]
        cells = self._index.nlist
        probed = cells if exhaustive else max(_LEAST_CELLS, cells // _PROBED_SHARE)
        parameters = faiss.SearchParametersIVF(nprobe=min(cells, probed))  # type: ignore[call-arg]
        if selector is not None:
            parameters.sel = selector
        return parameters


class QuantisedBuilder:
    """Takes in the vectors of one collection, batch by batch, by growing number."""

    def __init__(self, sizes: Sizes) -> None:
        self._sizes = sizes
        self._chunk_nos: list[ChunkNos] = []
        self._waiting: list[Vector] = []
        self._scale = 0.0
        self._index: Any = None

    def add(self, chunk_nos: ChunkNos, matrix: Vector) -> None:
        self._chunk_nos.append(chunk_nos)
        self._waiting.append(matrix)
        if self._index is not None or sum(map(len, self._waiting)) >= self._sizes.sample:
            self._take_in()

    def finish(self) -> QuantisedVectors:
        self._take_in()
        chunk_nos = np.concatenate(self._chunk_nos)
        index = self._index
        if len(chunk_nos) > self._sizes.scanned:
            index = _into_cells(index)
        return QuantisedVectors(index, chunk_nos, self._scale)

    def _take_in(self) -> None:
        if not self._waiting:
            return
        matrix = np.concatenate(self._waiting)
        self._waiting.clear()
        if self._index is None:
            # The few numbers beyond are cut off: the candidates are scored exactly afterwards, so they need not be.
            self._scale = _STEPS / max(float(np.quantile(np.abs(matrix), _ALMOST_ALL)), 1e-6)
            kind = faiss.ScalarQuantizer.QT_8bit_direct_signed
            self._index = faiss.IndexScalarQuantizer(matrix.shape[1], kind, faiss.METRIC_INNER_PRODUCT)
        self._index.add(_as_steps(matrix, self._scale))


def _as_steps(matrix: Vector, scale: float) -> Vector:
    """Whole numbers from -127 to 127, of which FAISS takes products without converting them to floats first."""
    steps: Vector = np.clip(np.rint(matrix * np.float32(scale)), -_STEPS, _STEPS)
    return steps


def _into_cells(flat: Any) -> Any:
    """The same vectors in the order of the nearest of some thousand centres."""
    count, dimension = flat.ntotal, flat.d
    cells = max(_LEAST_CELLS, int(np.sqrt(count)))
    centres = faiss.IndexFlatIP(dimension)
    kind = faiss.ScalarQuantizer.QT_8bit_direct_signed
    sorted_ = faiss.IndexIVFScalarQuantizer(
        centres, dimension, cells, kind, faiss.METRIC_INNER_PRODUCT, False
    )
    step = max(1, count // (cells * _SAMPLE_PER_CELL))
    sample: Sequence[Vector] = [flat.reconstruct(row) for row in range(0, count, step)]
    sorted_.train(np.stack(sample))
    for start in range(0, count, cells * _SAMPLE_PER_CELL):
        sorted_.add(flat.reconstruct_n(start, min(cells * _SAMPLE_PER_CELL, count - start)))
    return sorted_
