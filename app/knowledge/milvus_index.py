"""Vectors for searching in Milvus, filled and caught up from the store."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from functools import partial
from threading import Event, Lock
from time import monotonic
from typing import Final

from app.errors import VectorsUnavailable
from app.knowledge.availability import Availability
from app.knowledge.milvus_filling import Filled, MilvusFilling
from app.knowledge.milvus_search import exact, nearest
from app.knowledge.milvus_server import CollectionGone, MilvusServer
from app.knowledge.quantised import ChunkNos, Vector
from app.knowledge.records import IndexState, Position
from app.knowledge.snapshots import Cancelled
from app.knowledge.store import KnowledgeStore

_PATIENCE_S: Final = 10.0
_GLANCE_S: Final = 1.0
_PAUSE_S: Final = 10.0
_FEW: Final = 1_024  # chunks that are compared sooner here than they are asked for there


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
        self._patience_s = patience_s
        self._server = MilvusServer(uri, token)
        self._filling = MilvusFilling(store, model, self._server, index_type)
        self._availability = Availability(pause_s)
        self._thread = ThreadPoolExecutor(1, "milvus")
        self._lock = Lock()
        self._work: Future[None] | None = None
        self._closing = Event()
        self._current: Filled | None = None

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
            for name in self._filling.collections():
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
            names = self._filling.collections()
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
                self._current = self._filling.go_on(self._current, partial(self._go_on, keep_turn))
        except VectorsUnavailable:
            self._current = None  # so that the next one looks at what Milvus holds
            raise

    def _go_on(self, keep_turn: Callable[[], None]) -> None:
        if self._closing.is_set():
            raise Cancelled
        keep_turn()
