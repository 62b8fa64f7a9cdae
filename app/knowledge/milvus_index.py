"""Vectors for searching in Milvus, filled and caught up from the store."""

from __future__ import annotations

import fcntl
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from logging import getLogger
from pathlib import Path
from typing import Any

import numpy as np
from pymilvus import DataType, MilvusClient, MilvusException

from app.errors import StorageUnavailable
from app.knowledge.changes import Changes, VectorBatch
from app.knowledge.quantised import ChunkNos, Vector
from app.knowledge.reading import StoreReader
from app.knowledge.records import IndexState, Position

log = getLogger("llmops.embedding")

_NOTE_NO = 0  # chunk numbers begin at 1; the row of this number says how far Milvus has seen
_ROWS = 1_000  # in one request
_SLICE = 4_096  # chunk numbers in one filter
_MOST = 16_384  # results that Milvus gives at most
_METRIC = "IP"  # of unit vectors, so it is the cosine


class MilvusIndex:
    """One Milvus collection for each embedding model and dimension, which all processes share.

    How far Milvus has seen the store is a row in the collection itself, written after the rows that it tells of. One
    process at a time writes, by a lock on a file in `folder`, which therefore all of them must see. Everything that is
    written can be written again: a process that dies half-way leaves the rest to the next. Safe to use from any thread.
    """

    def __init__(
        self,
        store: StoreReader,
        model: str,
        folder: Path,
        *,
        uri: str,
        token: str = "",
        index_type: str = "AUTOINDEX",
    ) -> None:
        """`index_type` is Milvus' word; FLAT is exact."""
        self._store = store
        self._model = model
        self._folder = folder
        self._uri = uri
        self._token = token
        self._index_type = index_type
        self._name = f"llmops_{hashlib.blake2b(model.encode(), digest_size=8).hexdigest()}"
        self._lock = threading.Lock()
        self._client: MilvusClient | None = None
        self._seen: Position | None = None

    def open(self) -> None:
        """Make sure that Milvus holds what the store holds; what another store left there is replaced.

        Raises:
            EmbeddingModelMismatch
            StorageUnavailable: Milvus does not answer.
        """
        self._seen = None
        self.catch_up()

    def close(self) -> None:
        with self._lock:
            if self._client is not None:
                self._client.close()
            self._client = self._seen = None

    def settle(self) -> None:
        """Nothing is built in the background here."""

    def catch_up(self) -> None:
        """Take in what the store has and Milvus has not; one small query of the store when there is nothing.

        Raises:
            EmbeddingModelMismatch: everything was embedded again with another model.
            StorageUnavailable: Milvus does not answer.
        """
        if self._store.position() == self._seen:
            return
        with self._lock, self._writing(), self._translated():
            self._bring_up_to_date(self._connected())

    def state(self) -> IndexState:
        """As Milvus has it, without catching up.

        Raises:
            StorageUnavailable: Milvus does not answer.
        """
        with self._lock, self._translated():
            client = self._connected()
            if not client.has_collection(self._name):
                return IndexState(0, Position())
            counted = client.query(self._name, f"chunk_no > {_NOTE_NO}", output_fields=["count(*)"])
            return IndexState(int(counted[0]["count(*)"]), self._noted(client)[0])

    def search(
        self, vector: Vector, k: int, *, collection: str, within: ChunkNos | None = None
    ) -> list[tuple[int, float]]:
        """The k nearest chunks as (chunk_no, cosine), nearest first; as near as the type of the index is exact.

        `within` restricts the search itself to these chunk numbers, growing.

        Raises:
            StorageUnavailable: Milvus does not answer.
        """
        if within is None or (len(within) and (self._seen is None or within[-1] > self._seen.chunk_no)):
            self.catch_up()
        if k < 1 or (within is not None and not len(within)):
            return []
        row = np.asarray(vector, dtype=np.float32).reshape(-1)
        unit = row / max(float(np.linalg.norm(row)), float(np.finfo(np.float32).tiny))
        found: list[tuple[int, float]] = []
        with self._translated():
            client = self._connected()
            if not client.has_collection(self._name):
                return []  # the store holds no vector yet
            for condition in _conditions(collection, within):
                hits = client.search(
                    self._name,
                    data=[unit.tolist()],
                    filter=condition,
                    limit=min(k, _MOST),
                    search_params={"metric_type": _METRIC},
                )[0]
                found += [(int(hit["chunk_no"]), min(1.0, max(-1.0, float(hit["distance"])))) for hit in hits]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:k]

    def _bring_up_to_date(self, client: MilvusClient) -> None:
        seen, witnesses = self._noted(client)
        with self._store.changes_since(seen) as changes:
            if seen.change > changes.position.change or not changes.confirm(witnesses, "vectors"):
                log.warning("milvus_refilled", extra={"reason": "it was filled from another store"})
                client.drop_collection(self._name)
                seen = Position()
        with self._store.changes_since(seen) as changes:
            if changes.position != seen:
                changes.require_embedding_model(self._model)
                self._take_in(client, changes, seen)
            self._seen = changes.position

    def _take_in(self, client: MilvusClient, changes: Changes, seen: Position) -> None:
        if client.has_collection(self._name):
            for first, last in changes.removed():
                client.delete(self._name, filter=f"chunk_no >= {max(first, 1)} and chunk_no <= {last}")
            # Left by a process that died before it could note them, so their removal would not be noticed.
            client.delete(self._name, filter=f"chunk_no > {seen.chunk_no}")
        for batch in changes.added_vectors():
            self._add(client, batch)
            self._note(client, Position(seen.change, int(batch.chunk_nos[-1])), {})
            log.info("milvus_filled", extra={"chunk_no": int(batch.chunk_nos[-1])})
        if client.has_collection(self._name):
            with self._store.changes_since(changes.position) as later:
                witnesses = later.witnesses("vectors")
            self._note(client, changes.position, witnesses)

    def _add(self, client: MilvusClient, batch: VectorBatch) -> None:
        dimension = batch.matrix.shape[1]
        if client.has_collection(self._name) and self._dimension(client) != dimension:
            client.drop_collection(self._name)  # the store was emptied before it took another dimension
        if not client.has_collection(self._name):
            self._create(client, dimension)
        for start in range(0, len(batch.chunk_nos), _ROWS):
            rows = zip(
                batch.chunk_nos[start : start + _ROWS].tolist(),
                batch.matrix[start : start + _ROWS].tolist(),
                strict=True,
            )
            client.upsert(self._name, [_row(no, batch.collection, vector) for no, vector in rows])

    def _create(self, client: MilvusClient, dimension: int) -> None:
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("chunk_no", DataType.INT64, is_primary=True)
        schema.add_field("collection", DataType.VARCHAR, max_length=1_024, is_partition_key=True)
        schema.add_field("note", DataType.VARCHAR, max_length=8_192)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
        index = MilvusClient.prepare_index_params()
        index.add_index("vector", index_type=self._index_type, metric_type=_METRIC)
        client.create_collection(self._name, schema=schema, index_params=index, consistency_level="Strong")

    def _noted(self, client: MilvusClient) -> tuple[Position, dict[int, str]]:
        """How far Milvus has seen, and digests of some of the chunks that it saw."""
        rows = []
        if client.has_collection(self._name):
            rows = client.get(self._name, ids=[_NOTE_NO], output_fields=["note"])
        if not rows:
            return Position(), {}
        note = json.loads(rows[0]["note"])
        witnesses = {int(number): digest for number, digest in note["witnesses"].items()}
        return Position(note["change"], note["chunk_no"]), witnesses

    def _note(self, client: MilvusClient, seen: Position, witnesses: dict[int, str]) -> None:
        note = json.dumps({"change": seen.change, "chunk_no": seen.chunk_no, "witnesses": witnesses})
        client.upsert(self._name, [_row(_NOTE_NO, "", [1.0] + [0.0] * (self._dimension(client) - 1), note)])

    def _dimension(self, client: MilvusClient) -> int:
        fields = client.describe_collection(self._name)["fields"]
        return next(int(field["params"]["dim"]) for field in fields if field["name"] == "vector")

    def _connected(self) -> MilvusClient:
        if self._client is None:
            self._client = MilvusClient(self._uri, token=self._token)
        return self._client

    @contextmanager
    def _writing(self) -> Iterator[None]:
        """Be the only process that writes; the system lets go of the lock of a process that dies."""
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "milvus.lock").open("ab") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except MilvusException as error:
            self._seen = None  # so that the next search looks at what Milvus holds
            raise StorageUnavailable(f"Milvus does not answer as it should: {error.message}") from error


def _row(chunk_no: int, collection: str, vector: list[float], note: str = "") -> dict[str, Any]:
    return {"chunk_no": chunk_no, "collection": collection, "note": note, "vector": vector}


def _conditions(collection: str, within: ChunkNos | None) -> Iterator[str]:
    """Filters that together let pass what is asked for. Milvus Lite knows no parameters, hence literals."""
    ours = f"collection == {json.dumps(collection, ensure_ascii=False)}"
    if within is None:
        yield ours
        return
    for start in range(0, len(within), _SLICE):
        yield f"{ours} and chunk_no in {within[start : start + _SLICE].tolist()}"
