"""What is asked of Milvus, a cluster or a file of Milvus Lite, within limits of time; its exceptions end here."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from logging import CRITICAL, getLogger
from typing import Any

import numpy as np
from grpc import RpcError
from pymilvus import DataType, MilvusClient, MilvusException
from pymilvus.exceptions import ErrorCode

from app.errors import VectorsUnavailable
from app.knowledge.changes import VectorBatch
from app.knowledge.quantised import ChunkNos, Vector
from app.knowledge.records import Position

log = getLogger("llmops.embedding")

MOST = 16_384
"""Results that Milvus gives at most."""
NOTE_NO = 0
"""Chunk numbers begin at 1; the row of this number says how far Milvus has seen."""

_READ_S = 5.0
_WRITE_S = 60.0
_ROWS = 1_000  # in one request
_RANGES = 256  # in one condition
_METRIC = "IP"  # of unit vectors, so it is the cosine
_NOT_LOADED = 101  # Milvus was started anew, or somebody has released it


class CollectionGone(Exception):
    """Somebody has dropped it, as whoever fills it anew does, or it has to be opened again."""


class MilvusServer:
    """One connection, made when it is first needed and kept. Safe to use from any thread.

    Every method, of collections as well, raises VectorsUnavailable when Milvus does not answer, or not as it should.
    """

    def __init__(self, uri: str, token: str) -> None:
        self._uri = uri
        self._token = token
        self._lock = threading.Lock()
        self._client: MilvusClient | None = None
        for name in ("pymilvus", "milvus_lite"):  # which log every failure with a traceback; ours is one line
            getLogger(name).setLevel(CRITICAL)

    def close(self) -> None:
        with self._lock:
            client, self._client = self._client, None
        if client is not None:
            client.close()
            if self._uri.endswith(".db"):
                _release_file(self._uri)

    def ping(self) -> None:
        self.has_collection("llmops")

    def has_collection(self, name: str) -> bool:
        with self.asked() as client:
            return bool(client.has_collection(name, timeout=_READ_S))

    def collections(self, prefix: str) -> list[str]:
        with self.asked() as client:
            return sorted(
                name for name in client.list_collections(timeout=_READ_S) if name.startswith(prefix)
            )

    def open(self, name: str) -> MilvusCollection:
        """One that is there, made ready for searching."""
        with self.asked() as client:
            client.load_collection(name, timeout=_WRITE_S)
        return MilvusCollection(self, name)

    def create(self, name: str, dimension: int, index_type: str) -> MilvusCollection:
        schema = MilvusClient.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("chunk_no", DataType.INT64, is_primary=True)
        schema.add_field("collection", DataType.VARCHAR, max_length=1_024, is_partition_key=True)
        schema.add_field("note", DataType.VARCHAR, max_length=8_192)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dimension)
        index = MilvusClient.prepare_index_params()
        index.add_index("vector", index_type=index_type, metric_type=_METRIC)
        with self.asked() as client:
            client.create_collection(
                name, schema=schema, index_params=index, consistency_level="Strong", timeout=_WRITE_S
            )
        return MilvusCollection(self, name)

    def drop(self, name: str) -> None:
        with self.asked() as client:
            client.drop_collection(name, timeout=_WRITE_S)

    @contextmanager
    def asked(self) -> Iterator[MilvusClient]:
        """The client, to be asked in the block. Raises CollectionGone besides."""
        try:
            yield self._connected()
        except MilvusException as error:
            if error.code in (ErrorCode.COLLECTION_NOT_FOUND, _NOT_LOADED):
                raise CollectionGone(error.message) from error
            raise _unavailable(error.message) from error
        except RpcError as error:
            raise _unavailable(str(error)) from error
        except ValueError as error:  # of a channel that was closed meanwhile
            raise _unavailable(str(error)) from error

    def _connected(self) -> MilvusClient:
        with self._lock:
            if self._client is None:
                self._client = MilvusClient(self._uri, token=self._token, timeout=_READ_S, dedicated=True)
            return self._client


class MilvusCollection:
    """The vectors of one knowledge base by one model, and a note of how far they go. Raises CollectionGone, too."""

    def __init__(self, server: MilvusServer, name: str) -> None:
        self._server = server
        self.name = name

    @cached_property
    def dimension(self) -> int:
        with self._server.asked() as client:
            fields = client.describe_collection(self.name, timeout=_READ_S)["fields"]
        return next(int(field["params"]["dim"]) for field in fields if field["name"] == "vector")

    def count(self) -> int:
        with self._server.asked() as client:
            counted = client.query(
                self.name, f"chunk_no > {NOTE_NO}", output_fields=["count(*)"], timeout=_READ_S
            )
        return int(counted[0]["count(*)"])

    def add(self, batch: VectorBatch) -> None:
        for start in range(0, len(batch.chunk_nos), _ROWS):
            part = slice(start, start + _ROWS)
            pairs = zip(batch.chunk_nos[part].tolist(), batch.matrix[part].tolist(), strict=True)
            self._upsert([_row(chunk_no, batch.collection, vector) for chunk_no, vector in pairs])

    def remove(self, ranges: Sequence[tuple[int, int]]) -> None:
        """Remove the chunks numbered first to last, of each range."""
        for start in range(0, len(ranges), _RANGES):
            condition = _within(ranges[start : start + _RANGES])
            with self._server.asked() as client:
                client.delete(self.name, filter=condition, timeout=_WRITE_S)

    def present(self, ranges: Sequence[tuple[int, int]], most: int = MOST) -> int:
        """How many rows there are of the chunks in these ranges; counting ends at `most` for each 256 of them."""
        found = 0
        for start in range(0, len(ranges), _RANGES):
            condition = _within(ranges[start : start + _RANGES])
            with self._server.asked() as client:
                rows = client.query(self.name, condition, ["chunk_no"], limit=most, timeout=_READ_S)
            found += len(rows)
        return found

    def compact(self) -> None:
        """Have Milvus give up the disk of rows that were removed, when it comes to it."""
        with self._server.asked() as client:
            client.compact(self.name, timeout=_WRITE_S)

    def note(self) -> tuple[Position, dict[int, str]]:
        """How far Milvus has seen, and digests of some of the chunks that it saw."""
        with self._server.asked() as client:
            rows = client.get(self.name, ids=[NOTE_NO], output_fields=["note"], timeout=_READ_S)
        if not rows:
            return Position(), {}
        note = json.loads(rows[0]["note"])
        witnesses = {int(number): digest for number, digest in note["witnesses"].items()}
        return Position(note["change"], note["chunk_no"]), witnesses

    def write_note(self, seen: Position, witnesses: dict[int, str]) -> None:
        note = json.dumps({"change": seen.change, "chunk_no": seen.chunk_no, "witnesses": witnesses})
        self._upsert([_row(NOTE_NO, "", [1.0] + [0.0] * (self.dimension - 1), note)])

    def nearest(self, unit: Vector, limit: int, condition: str) -> ChunkNos:
        """The numbers of the nearest chunks that fulfil a condition, at most `MOST`, in no order to rely on."""
        with self._server.asked() as client:
            hits = client.search(
                self.name,
                data=[unit.tolist()],
                filter=condition,
                limit=limit,
                search_params={"metric_type": _METRIC},
                timeout=_READ_S,
            )[0]
        return np.fromiter((hit["chunk_no"] for hit in hits), dtype=np.int64, count=len(hits))

    def _upsert(self, rows: list[dict[str, Any]]) -> None:
        with self._server.asked() as client:
            client.upsert(self.name, rows, timeout=_WRITE_S)


def _row(chunk_no: int, collection: str, vector: list[float], note: str = "") -> dict[str, Any]:
    return {"chunk_no": chunk_no, "collection": collection, "note": note, "vector": vector}


def of_collection(name: str) -> str:
    """A condition. Milvus Lite knows no parameters, hence literals."""
    return f"collection == {json.dumps(name, ensure_ascii=False)}"


def _within(ranges: Sequence[tuple[int, int]]) -> str:
    return " or ".join(f"(chunk_no >= {first} and chunk_no <= {last})" for first, last in ranges)


def _unavailable(reason: str) -> VectorsUnavailable:
    """Callers are told no addresses; the log says all."""
    log.warning("milvus_failed", extra={"reason": reason})
    return VectorsUnavailable("Milvus does not answer as it should")


def _release_file(path: str) -> None:
    """Milvus Lite would keep the file from other processes until this one ends."""
    from milvus_lite.server_manager import server_manager_instance

    server_manager_instance.release_server(path)
