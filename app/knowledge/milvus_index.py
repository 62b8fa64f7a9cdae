"""Vectors for searching in Milvus, filled and caught up from the store."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from logging import getLogger
from threading import Event, Lock
from time import monotonic
from typing import Final
from uuid import uuid4

from app.errors import VectorsUnavailable
from app.knowledge.availability import Availability
from app.knowledge.changes import Changes
from app.knowledge.milvus_search import exact, nearest
from app.knowledge.milvus_server import CollectionGone, MilvusCollection, MilvusServer
from app.knowledge.quantised import ChunkNos, Vector
from app.knowledge.records import IndexState, Position
from app.knowledge.snapshots import Cancelled
from app.knowledge.store import KnowledgeStore

log = getLogger("llmops.embedding")

_PATIENCE_S: Final = 10.0
_GLANCE_S: Final = 1.0
_PAUSE_S: Final = 10.0
_FEW: Final = 1_024  # chunks that are compared sooner here than they are asked for there
_EVERY_LATER: Final = 2**62


@dataclass(frozen=True, slots=True)
class _Current:
    """What this process knows of Milvus; there is no collection as long as the store has no vector."""

    collection: MilvusCollection | None
    seen: Position


class MilvusIndex:
    """One Milvus collection for each knowledge base and embedding model, which all processes share.

    How far Milvus has seen the store is a row in the collection itself, written after the rows that it tells of. One
    process at a time writes. Everything that is written can be written again: a process that dies half-way leaves the
    rest to the next. What Milvus finds are candidates: the store says which of them exist and how near they are.

    Catching up goes on in a thread of its own, so that nobody waits longer than `patience_s` for it, but who opens.
    After a failure Milvus is left alone for `pause_s`. Safe to use from any thread.
    """

    def __init__(
        self,
        store: KnowledgeStore,
        model: str,
        *,
        uri: str,
        token: str = "",
        index_type: str = "AUTOINDEX",
        patience_s: float = _PATIENCE_S,
        pause_s: float = _PAUSE_S,
    ) -> None:
        """`index_type` is Milvus' word; FLAT is exact."""
        self._store = store
        self._shared = store.shared_index()
        self._model = model
        self._index_type = index_type
        self._patience_s = patience_s
        self._server = MilvusServer(uri, token)
        self._availability = Availability(pause_s)
        self._thread = ThreadPoolExecutor(1, "milvus")
        self._lock = Lock()
        self._work: Future[None] | None = None
        self._closing = Event()
        self._current: _Current | None = None

    def open(self) -> None:
        """Make sure that Milvus holds what the store holds; what it holds of another store is replaced."""
        self._current = None
        self._bring_up_to_date(self._store.position(), None)

    def close(self) -> None:
        self._closing.set()
        self._thread.shutdown(cancel_futures=True)
        self._current = None
        self._server.close()

    def settle(self) -> None:
        """Wait until nothing is being taken in any more."""
        if self._work is not None:
            wait([self._work])

    def catch_up(self) -> None:
        """Take in what the store has and Milvus has not; one small query of the store when there is nothing."""
        wanted = self._store.position()
        if not self._has_seen(wanted):
            with self._availability.asking():
                self._bring_up_to_date(wanted, self._patience_s)

    def refill(self) -> None:
        with self._shared.turn(self._closing):
            for name in self._server.collections(self._prefix()):
                self._server.drop(name)
        self.open()

    def problem(self) -> str | None:
        """Waits a moment only for what has to be taken in."""
        try:
            with self._availability.asking():
                self._server.ping()
            if not self._has_seen(self._store.position()):
                self._bring_up_to_date(self._store.position(), _GLANCE_S)
        except VectorsUnavailable as error:
            return error.detail
        return None

    def state(self) -> IndexState:
        """As this process knows it, without catching up; the chunks are counted by Milvus."""
        current = self._current
        if current is None or current.collection is None:
            return IndexState(0, current.seen if current is not None else Position())
        with self._availability.asking():
            try:
                return IndexState(current.collection.count(), current.seen)
            except CollectionGone:
                return IndexState(0, Position())

    def remains(self, ranges: Sequence[tuple[int, int]]) -> int:
        """How many of the chunks in these ranges, first to last, Milvus holds in whichever collection of this store."""
        try:
            names = self._server.collections(self._prefix())
            return sum(self._server.open(name).present(ranges) for name in names)
        except CollectionGone:
            raise VectorsUnavailable("Milvus is being filled anew") from None

    def compact(self) -> None:
        """Take in what was removed, and have Milvus give up its disk."""
        self.open()
        current = self._current
        if current is not None and current.collection is not None:
            current.collection.compact()

    def search(
        self, vector: Vector, k: int, *, collection: str, within: ChunkNos | None = None
    ) -> list[tuple[int, float]]:
        """The k nearest chunks as (chunk_no, cosine), nearest first; as near as the type of the index is exact.

        `within` restricts the search itself to these chunk numbers, growing; few of them need no Milvus.
        """
        if k < 1 or (within is not None and not len(within)):
            return []
        if within is not None and len(within) <= _FEW:
            return exact(self._store, self._model, vector, within, collection)[:k]
        for _ in range(2):
            if within is None or not self._has_seen(Position(0, int(within[-1]))):
                self.catch_up()
            current = self._current
            if current is not None and current.collection is None:
                return []
            if current is None or current.collection is None:
                continue  # another thread has just found it gone
            try:
                with self._availability.asking():
                    look = (self._store, self._model, current.collection)
                    return nearest(*look, vector, k, collection, within, current.seen.chunk_no)
            except CollectionGone:
                with self._lock:
                    if self._current is current:
                        self._current = None
        raise VectorsUnavailable("Milvus is being filled anew")

    def _has_seen(self, wanted: Position) -> bool:
        current = self._current
        if current is None:
            return False
        return current.seen.change >= wanted.change and current.seen.chunk_no >= wanted.chunk_no

    def _bring_up_to_date(self, wanted: Position, patience_s: float | None) -> None:
        until = None if patience_s is None else monotonic() + patience_s
        while not self._has_seen(wanted):
            work = self._begin()
            done, _ = wait([work], None if until is None else max(0.0, until - monotonic()))
            if not done:
                raise VectorsUnavailable("Milvus is still being filled")
            try:
                work.result()
            except Cancelled:
                raise VectorsUnavailable("The service ends") from None

    def _begin(self) -> Future[None]:
        """Catch up in the other thread, unless that is going on."""
        with self._lock:
            if self._closing.is_set():
                raise VectorsUnavailable("The service ends")
            if self._work is None or self._work.done():
                self._work = self._thread.submit(self._catch_up)
            return self._work

    def _catch_up(self) -> None:
        try:
            with self._shared.turn(self._closing) as keep_turn:
                self._current = self._caught_up_from(self._current, keep_turn)
        except VectorsUnavailable:
            self._current = None  # so that the next one looks at what Milvus holds
            raise

    def _caught_up_from(self, known: _Current | None, keep_turn: Callable[[], None]) -> _Current:
        if known is not None and known.collection is not None:
            try:
                return self._caught_up(known.collection, keep_turn)
            except CollectionGone:
                log.info("milvus_opened_again", extra={"collection": known.collection.name})
        try:
            return self._caught_up(self._find(), keep_turn)
        except CollectionGone:
            raise VectorsUnavailable("Milvus is being filled anew") from None

    def _caught_up(self, collection: MilvusCollection | None, keep_turn: Callable[[], None]) -> _Current:
        seen, witnesses = collection.note() if collection is not None else (Position(), {})
        if collection is not None and not self._is_of_store(seen, witnesses):
            log.warning("milvus_refilled", extra={"reason": "it was filled from another store"})
            self._server.drop(collection.name)
            collection, seen = None, Position()
        with self._store.changes_since(seen) as changes:
            if changes.position != seen:
                changes.require_embedding_model(self._model)
                collection = self._take_in(collection, changes, seen, keep_turn)
            return _Current(collection, changes.position)

    def _find(self) -> MilvusCollection | None:
        """The collection of this store and model; one that is left of another model goes."""
        own = self._server.collections(self._prefix(self._model))[-1:]
        left = [name for name in self._server.collections(self._prefix()) if name not in own]
        if left:  # unless it is this process that has not noticed yet
            with self._store.changes_since(Position()) as changes:
                changes.require_embedding_model(self._model)
        for name in left:
            self._server.drop(name)
        return self._server.open(own[0]) if own else None

    def _is_of_store(self, seen: Position, witnesses: dict[int, str]) -> bool:
        with self._store.changes_since(seen) as changes:
            is_ahead = seen.change > changes.position.change or seen.chunk_no > changes.position.chunk_no
            return not is_ahead and changes.confirm(witnesses, "vectors")

    def _take_in(
        self,
        collection: MilvusCollection | None,
        changes: Changes,
        seen: Position,
        keep_turn: Callable[[], None],
    ) -> MilvusCollection | None:
        if collection is not None:
            # The last range was left by a process that died before it could note it: nobody would notice its removal.
            collection.remove([*changes.removed(), (seen.chunk_no + 1, _EVERY_LATER)])
        added = None
        for batch in changes.added_vectors():
            if collection is not None and added is not None:
                collection.write_note(Position(seen.change, added), {})
                log.info("milvus_filled", extra={"chunk_no": added})
            self._go_on(keep_turn)
            collection = self._fitting(collection, batch.matrix.shape[1])
            collection.add(batch)
            added = int(batch.chunk_nos[-1])
        if collection is not None:
            collection.write_note(changes.position, changes.witnesses("vectors", changes.position))
        return collection

    def _go_on(self, keep_turn: Callable[[], None]) -> None:
        if self._closing.is_set():
            raise Cancelled
        keep_turn()

    def _fitting(self, collection: MilvusCollection | None, dimension: int) -> MilvusCollection:
        if collection is not None and collection.dimension == dimension:
            return collection
        if collection is not None:  # the store was emptied before it took another dimension
            self._server.drop(collection.name)
        # A name of its own each time: who still looks for the one before finds none, rather than half of this one.
        return self._server.create(
            f"{self._prefix(self._model)}{uuid4().hex[:8]}", dimension, self._index_type
        )

    def _prefix(self, model: str | None = None) -> str:
        of_store = f"llmops_{self._shared.store_id()}_"
        if model is None:
            return of_store
        return f"{of_store}{hashlib.blake2b(model.encode(), digest_size=8).hexdigest()}_"
