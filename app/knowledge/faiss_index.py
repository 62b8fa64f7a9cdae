"""Vectors for searching, caught up from the store."""

from __future__ import annotations

import threading
from logging import getLogger
from pathlib import Path

import faiss
import numpy as np

from app.knowledge.background import Background
from app.knowledge.quantised import ChunkNos, QuantisedBuilder, QuantisedVectors, Sizes, Vector
from app.knowledge.reading import StoreReader
from app.knowledge.records import IndexState, Position
from app.knowledge.snapshots import Cancelled, Snapshots
from app.knowledge.vector_set import VectorSet

log = getLogger("llmops.embedding")

_MORE, _MORE_SHARE = 10, 4  # candidates beyond k, since their order is only nearly right: k + 10 + k / 4


class FaissIndex:
    """For each collection an exact index of the newest chunks beside a quantised one of all before.

    When there are more than `sizes.exact` new ones, everything is quantised anew in the background, and the result is
    swapped in once it has caught up. With a `folder` it becomes a snapshot there, which this and other processes map
    into memory. Safe to use from any thread.
    """

    def __init__(
        self, store: StoreReader, model: str, folder: Path | None = None, *, sizes: Sizes | None = None
    ) -> None:
        self._store = store
        self._model = model
        self._sizes = sizes or Sizes()
        self._snapshots = None
        if folder is not None:
            made_by = {"faiss": faiss.__version__, "embedding_model": model}
            self._snapshots = Snapshots(folder, store, made_by=made_by, witnessed="vectors")
        self._lock = threading.Lock()
        self._current = VectorSet()
        self._background = Background("faiss")

    def open(self) -> None:
        """Begin with the last snapshot; without one, a large store is quantised before this returns."""
        if self._snapshots is not None:
            self._current = self._saved(self._snapshots) or self._current
        if self._unseen_by(self._current.seen) > self._sizes.exact:
            self._fold()
        self.catch_up()

    def close(self) -> None:
        self._background.close()

    def settle(self) -> None:
        """Wait until nothing is being built any more."""
        self._background.settle()

    def catch_up(self) -> None:
        """Take in what the store has and this index has not; one small query when there is nothing.

        Raises:
            EmbeddingModelMismatch: everything was embedded again with another model.
        """
        if self._store.position() == self._current.seen:
            return
        with self._lock:
            self._bring_up_to_date(self._current)
            if self._current.loose > self._sizes.exact:
                self._background.start(self._fold)

    def refill(self) -> None:
        if self._snapshots is not None:
            with self._snapshots.writing():
                self._snapshots.clear()
        with self._lock:
            self._current = VectorSet()
        self.open()

    def problem(self) -> None:
        """None: it is in the memory of this process."""

    def state(self) -> IndexState:
        """As it is, without catching up."""
        with self._lock:
            return IndexState(len(self._current), self._current.seen)

    def search(
        self, vector: Vector, k: int, *, collection: str, within: ChunkNos | None = None
    ) -> list[tuple[int, float]]:
        """The k nearest chunks as (chunk_no, cosine), nearest first; fewer only when there are no more.

        `within` restricts the search itself to these chunk numbers, as `select_chunk_nos` gives them: growing, and so
        lately read that none is of a chunk that had been deleted before.
        """
        if within is None or (len(within) and within[-1] > self._current.seen.chunk_no):
            self.catch_up()
        _compute_alone()
        unit = _as_unit(vector)
        if k < 1 or (within is not None and not len(within)):
            return []
        with self._lock:
            found = self._current.search_tail(unit, k, collection, within)
            base = self._current.base(collection)
        if base is not None:
            found += self._search_base(base, unit, k, within)
        clipped = ((chunk_no, min(1.0, max(-1.0, cosine))) for chunk_no, cosine in found)
        return sorted(clipped, key=lambda hit: (-hit[1], hit[0]))[:k]

    def _search_base(
        self, base: QuantisedVectors, unit: Vector, k: int, within: ChunkNos | None
    ) -> list[tuple[int, float]]:
        """Candidates by quantised vectors, scored by the true ones; those deleted meanwhile have none any more."""
        candidates = base.candidates(unit, k + _MORE + k // _MORE_SHARE, within)
        chunk_nos, matrix = self._store.matrix_by_no(candidates.tolist(), of_model=self._model)
        return list(zip(chunk_nos, (matrix @ unit[0]).tolist(), strict=True)) if chunk_nos else []

    def _bring_up_to_date(self, vectors: VectorSet) -> None:
        with self._store.changes_since(vectors.seen) as changes:
            changes.require_embedding_model(self._model)
            vectors.take_in(changes)

    def _unseen_by(self, seen: Position) -> int:
        return self._store.position().chunk_no - seen.chunk_no

    def _fold(self) -> None:
        """Quantise everything, unless another process has just done so, and swap it in."""
        _compute_alone()
        if self._snapshots is None:
            fresh = VectorSet(*self._build())
        else:
            try:
                with self._snapshots.writing(self._background.closing):
                    fresh = self._saved(self._snapshots, up_to_date=True) or self._save(self._snapshots)
            except OSError as error:
                self._tell_failure(error)
                fresh = VectorSet(*self._build())
        # Most of what happened since without the lock, the rest with it: nothing is lost, and searches wait little.
        self._bring_up_to_date(fresh)
        with self._lock:
            self._bring_up_to_date(fresh)
            self._current = fresh

    def _build(self) -> tuple[dict[str, QuantisedVectors], Position]:
        builders: dict[str, QuantisedBuilder] = {}
        with self._store.changes_since(Position()) as changes:
            for batch in changes.added_vectors():
                if self._background.closing.is_set():
                    raise Cancelled
                builder = builders.setdefault(batch.collection, QuantisedBuilder(self._sizes))
                builder.add(batch.chunk_nos, batch.matrix)
            position = changes.position
        return {name: builder.finish() for name, builder in builders.items()}, position

    def _save(self, snapshots: Snapshots) -> VectorSet:
        """Build, and use what was written rather than what is in memory, where that is possible."""
        bases, position = self._build()
        details: dict[str, dict[str, object]] = {}

        def fill(folder: Path) -> None:
            for number, (name, base) in enumerate(bases.items()):
                details[name] = base.save(folder, str(number))

        try:
            snapshots.publish(position, fill, details)
        except OSError as error:
            self._tell_failure(error)
            return VectorSet(bases, position)
        return self._saved(snapshots) or VectorSet(bases, position)

    def _saved(self, snapshots: Snapshots, *, up_to_date: bool = False) -> VectorSet | None:
        """The state of the last snapshot; None when there is none that is whole, or recent if it has to be."""
        snapshot = snapshots.newest()
        if snapshot is None or (up_to_date and self._unseen_by(snapshot.position) > self._sizes.exact // 2):
            return None
        try:
            bases = {
                name: QuantisedVectors.load(snapshot.folder, details)
                for name, details in snapshot.details.items()
            }
        except (ValueError, KeyError, TypeError, OSError) as error:
            snapshots.discard(snapshot.folder, str(error))
            return None
        return VectorSet(bases, snapshot.position)

    def _tell_failure(self, error: OSError) -> None:
        log.warning("snapshot_failed", extra={"index": "vectors", "reason": str(error)})


def _compute_alone() -> None:
    """Let FAISS use no thread beside the calling one, for which OpenMP keeps this, and for no other.

    Two on a busy machine take 200 times as long as one, and on an idle one the second spins for longer than it helps.
    """
    faiss.omp_set_num_threads(1)


def _as_unit(vector: Vector) -> Vector:
    row = np.asarray(vector, dtype=np.float32).reshape(1, -1)
    return row / max(float(np.linalg.norm(row)), float(np.finfo(np.float32).tiny))
