"""Fills a collection of Milvus from the store; whoever dies half-way leaves the rest to the next."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from logging import getLogger
from typing import Final
from uuid import uuid4

from app.errors import VectorsUnavailable
from app.knowledge.changes import Changes
from app.knowledge.milvus_server import CollectionGone, MilvusCollection, MilvusServer
from app.knowledge.records import Position
from app.knowledge.store import KnowledgeStore

log = getLogger("llmops.embedding")

_EVERY_LATER: Final = 2**62


@dataclass(frozen=True, slots=True)
class Filled:
    """How far Milvus is; there is no collection as long as the store has no vector."""

    collection: MilvusCollection | None
    seen: Position


class MilvusFilling:
    """For one knowledge base and embedding model; `index_type` is Milvus' word."""

    def __init__(self, store: KnowledgeStore, model: str, server: MilvusServer, index_type: str) -> None:
        self._store = store
        self._shared = store.shared_index()
        self._model = model
        self._server = server
        self._index_type = index_type

    def collections(self) -> list[str]:
        """The names of all that are of this knowledge base, by whichever model."""
        return self._server.collections(self._prefix())

    def go_on(self, known: Filled | None, keep_turn: Callable[[], None]) -> Filled:
        """Take in what the store has and Milvus has not. To be called in a turn, which `keep_turn` keeps.

        Raises:
            EmbeddingModelMismatch, VectorsUnavailable, and what `keep_turn` raises.
        """
        if known is not None and known.collection is not None:
            try:
                return self._caught_up(known.collection, keep_turn)
            except CollectionGone:
                log.info("milvus_opened_again", extra={"collection": known.collection.name})
        try:
            return self._caught_up(self._find(), keep_turn)
        except CollectionGone:
            raise VectorsUnavailable("Milvus is being filled anew") from None

    def _caught_up(self, collection: MilvusCollection | None, keep_turn: Callable[[], None]) -> Filled:
        seen, witnesses = collection.note() if collection is not None else (Position(), {})
        if collection is not None and not self._is_of_store(seen, witnesses):
            log.warning("milvus_refilled", extra={"reason": "it was filled from another store"})
            self._server.drop(collection.name)
            collection, seen = None, Position()
        with self._store.changes_since(seen) as changes:
            if changes.position != seen:
                changes.require_embedding_model(self._model)
                collection = self._take_in(collection, changes, seen, keep_turn)
            return Filled(collection, changes.position)

    def _find(self) -> MilvusCollection | None:
        """The collection of this store and model; one that is left of another model goes."""
        own = self._server.collections(self._prefix(self._model))[-1:]
        left = [name for name in self.collections() if name not in own]
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
            keep_turn()
            collection = self._fitting(collection, batch.matrix.shape[1])
            collection.add(batch)
            added = int(batch.chunk_nos[-1])
        if collection is not None:
            collection.write_note(changes.position, changes.witnesses("vectors", changes.position))
        return collection

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
