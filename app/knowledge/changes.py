"""Numbers of chunks and changes: what writers draw from, and what indexes catch up by."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, Row, func, insert, select, update

from app.errors import EmbeddingModelMismatch
from app.knowledge.records import Position
from app.knowledge.tables import chunks, documents, knowledge_base, removals, vectors

_BATCH = 4_096
_WITNESSES = 64
STORED_FLOAT = np.dtype("<f4")


Witnessed = Literal["texts", "vectors"]


@dataclass(frozen=True)
class VectorBatch:
    """Vectors of one collection, `matrix[i]` belonging to chunk `chunk_nos[i]`."""

    collection: str
    chunk_nos: NDArray[np.int64]
    matrix: NDArray[np.float32]


class Changes:
    """What happened after a position, read from one snapshot of the store; valid while its transaction is open."""

    def __init__(self, connection: Connection, seen: Position) -> None:
        self._connection = connection
        self._seen = seen
        self.position = load_position(connection)
        self._unseen = chunks.c.chunk_no > seen.chunk_no

    def require_embedding_model(self, name: str) -> None:
        """Make sure that the vectors are still of the model that they were when the process opened the store.

        Raises:
            EmbeddingModelMismatch
        """
        state = self._connection.execute(select(knowledge_base)).one()
        if state.embedding_model != name:
            raise _mismatch(state, name, None)

    def removed(self) -> list[tuple[int, int]]:
        """Ranges (first, last) of chunk numbers that were taken out, of those that had been seen."""
        if self._seen == Position():
            return []
        rows = self._connection.execute(
            select(removals.c.first_no, removals.c.last_no)
            .where(removals.c.change > self._seen.change, removals.c.first_no <= self._seen.chunk_no)
            .order_by(removals.c.change)
        )
        return [(row.first_no, row.last_no) for row in rows]

    def has_removed(self) -> bool:
        """Whether anything was taken out, of whatever had been seen or not."""
        later = select(removals.c.change).where(removals.c.change > self._seen.change)
        return self._connection.execute(later.limit(1)).first() is not None

    def count_vectors(self) -> int:
        """Of all chunks there are."""
        return self._connection.execute(select(func.count()).select_from(vectors)).scalar_one()

    def added_vectors(self) -> Iterator[VectorBatch]:
        statement = (
            select(chunks.c.chunk_no, chunks.c.collection, vectors.c.vector)
            .join_from(vectors, chunks)
            .where(self._unseen)
            .order_by(vectors.c.chunk_no)
            .execution_options(yield_per=_BATCH)
        )
        for rows in self._connection.execute(statement).partitions():
            for collection, group in groupby(rows, key=lambda row: str(row.collection)):
                yield _as_batch(collection, list(group))

    def added_texts(self) -> Iterator[Row[*tuple[Any, ...]]]:
        """Rows with chunk_no, collection, document_id, text, section, title and name."""
        statement = (
            select(
                chunks.c.chunk_no,
                chunks.c.collection,
                chunks.c.document_id,
                chunks.c.text,
                chunks.c.section,
                documents.c.title,
                documents.c.name,
            )
            .join_from(chunks, documents)
            .where(self._unseen)
            .order_by(chunks.c.chunk_no)
            .execution_options(yield_per=_BATCH)
        )
        yield from self._connection.execute(statement)

    def witnesses(self, of: Witnessed, upto: Position | None = None) -> dict[int, str]:
        """Digests of some chunks that had been seen, by which another time can be told whether it is the same store.

        A database that was put back from a backup counts on from an earlier number, with other chunks. `upto` takes the
        place of what had been seen.
        """
        last = (upto or self._seen).chunk_no
        numbers: set[int] = set()
        for wanted in {last * part // _WITNESSES for part in range(1, _WITNESSES + 1)}:
            nearest = select(chunks.c.chunk_no).where(chunks.c.chunk_no <= wanted)
            numbers.update(
                self._connection.scalars(nearest.order_by(chunks.c.chunk_no.desc()).limit(1)).all()
            )
        return self._digests(numbers, of)

    def confirm(self, witnesses: Mapping[int, str], of: Witnessed) -> bool:
        """Whether these chunks are still what they were, those apart that were taken out since."""
        present = self._digests(witnesses, of)
        gone = self.removed()
        return all(
            present[number] == digest if number in present else any(a <= number <= b for a, b in gone)
            for number, digest in witnesses.items()
        )

    def _digests(self, numbers: Iterable[int], of: Witnessed) -> dict[int, str]:
        content = chunks.c.text if of == "texts" else vectors.c.vector
        rows = self._connection.execute(
            select(chunks.c.chunk_no, chunks.c.chunk_id, content.label("content"))
            .join_from(chunks, vectors, isouter=True)
            .where(chunks.c.chunk_no.in_(numbers))
        )
        return {row.chunk_no: _digest(row.chunk_id, row.content) for row in rows}


def _digest(chunk_id: str, content: str | bytes | None) -> str:
    data = content.encode() if isinstance(content, str) else content or b""
    return hashlib.blake2b(data, key=hashlib.blake2b(chunk_id.encode()).digest(), digest_size=8).hexdigest()


def _as_batch(collection: str, rows: Sequence[Row[*tuple[Any, ...]]]) -> VectorBatch:
    matrix = np.frombuffer(b"".join(row.vector for row in rows), dtype=STORED_FLOAT).reshape(len(rows), -1)
    chunk_nos = np.fromiter((row.chunk_no for row in rows), dtype=np.int64, count=len(rows))
    return VectorBatch(collection, chunk_nos, matrix.astype(np.float32, copy=False))


def load_position(connection: Connection) -> Position:
    row = connection.execute(select(knowledge_base.c.last_change, knowledge_base.c.last_chunk_no)).one()
    return Position(row.last_change, row.last_chunk_no)


def lock_for_writing(connection: Connection) -> Row[Any]:
    """The one row of `knowledge_base`, which `Database.writing` has locked until the end of the transaction."""
    return connection.execute(select(knowledge_base).with_for_update()).one()


def allocate_chunk_numbers(connection: Connection, count: int) -> range:
    """Numbers for new chunks, consecutive and larger than any before; drawing them is a change."""
    state = lock_for_writing(connection)
    connection.execute(
        update(knowledge_base).values(
            last_change=state.last_change + 1, last_chunk_no=state.last_chunk_no + count
        )
    )
    return range(state.last_chunk_no + 1, state.last_chunk_no + count + 1)


def record_removal(connection: Connection, chunk_nos: Iterable[int]) -> None:
    """Tell the indexes to forget these chunks."""
    ranges = _as_ranges(sorted(chunk_nos))
    if not ranges:
        return
    state = lock_for_writing(connection)
    rows = [
        {"change": change, "first_no": first, "last_no": last}
        for change, (first, last) in enumerate(ranges, start=state.last_change + 1)
    ]
    connection.execute(insert(removals), rows)
    connection.execute(update(knowledge_base).values(last_change=state.last_change + len(rows)))


def _as_ranges(numbers: Sequence[int]) -> list[tuple[int, int]]:
    ranges: list[tuple[int, int]] = []
    for number in numbers:
        if ranges and ranges[-1][1] == number - 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return ranges


def claim_embedding_model(connection: Connection, name: str, dimension: int | None) -> None:
    """Make `name` the model of this knowledge base, which only an empty one can change.

    Raises:
        EmbeddingModelMismatch: there are vectors of another model, or of another dimension under the same name.
    """
    state = lock_for_writing(connection)
    same_size = dimension is None or state.dimension in (None, dimension)
    if state.embedding_model == name and same_size:
        if dimension is not None and state.dimension is None:
            connection.execute(update(knowledge_base).values(dimension=dimension))
        return
    if connection.execute(select(vectors.c.chunk_no).limit(1)).first() is not None:
        raise _mismatch(state, name, dimension)
    connection.execute(update(knowledge_base).values(embedding_model=name, dimension=dimension))


def _mismatch(state: Row[Any], name: str, dimension: int | None) -> EmbeddingModelMismatch:
    built, wanted = state.embedding_model, name
    if built == wanted:
        built, wanted = f"{built} ({state.dimension} dimensions)", f"{wanted} ({dimension} dimensions)"
    return EmbeddingModelMismatch(
        f"The knowledge base was built with the embedding model {built!r}, and {wanted!r} is configured: set "
        f"LLMOPS_EMBEDDING_MODEL={state.embedding_model}, or run `llmops reindex` to embed everything again"
    )
