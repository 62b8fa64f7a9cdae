"""The finished steps of a large document that is on its way, so that they need not be taken again after a crash."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sqlalchemy import Connection, delete, insert, select

from app.knowledge.changes import STORED_FLOAT
from app.knowledge.database import Database
from app.knowledge.document_queue import Claim, require_held
from app.knowledge.tables import document_drafts, draft_vectors

Vectors = NDArray[np.float32]


class Drafts:
    """Kept until their document is indexed or deleted. Every write raises LeaseLost when the claim is gone."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def save_parsed(self, claim: Claim, parsed: bytes) -> None:
        """Keep what was read from a document; vectors of an earlier reading are dropped."""
        with self._database.writing(in_order=False) as connection:
            require_held(connection, claim)
            remove_drafts(connection, claim.document_id)
            connection.execute(insert(document_drafts).values(document_id=claim.document_id, parsed=parsed))

    def load_parsed(self, document_id: str) -> bytes | None:
        statement = select(document_drafts.c.parsed).where(document_drafts.c.document_id == document_id)
        with self._database.reading() as connection:
            return connection.scalar(statement)

    def save_vectors(self, claim: Claim, first: int, matrix: Vectors, *, embedding_model: str) -> None:
        """Keep the vectors of the chunks from number `first` on, in place of what was kept from there on."""
        stored = matrix.astype(STORED_FLOAT, copy=False).tobytes()
        with self._database.writing(in_order=False) as connection:
            require_held(connection, claim)
            later = (draft_vectors.c.document_id == claim.document_id) & (draft_vectors.c.first >= first)
            connection.execute(delete(draft_vectors).where(later))
            connection.execute(
                insert(draft_vectors).values(
                    document_id=claim.document_id,
                    first=first,
                    embedding_model=embedding_model,
                    dimension=matrix.shape[1],
                    matrix=stored,
                )
            )

    def load_vectors(self, document_id: str, *, embedding_model: str) -> list[Vectors]:
        """The vectors of the first so many chunks, batch by batch; none when they are of another model."""
        statement = (
            select(draft_vectors)
            .where(draft_vectors.c.document_id == document_id)
            .order_by(draft_vectors.c.first)
        )
        batches: list[Vectors] = []
        known = 0
        with self._database.reading() as connection:
            for row in connection.execute(statement):
                if row.embedding_model != embedding_model or row.first != known:
                    return []
                batch = np.frombuffer(row.matrix, dtype=STORED_FLOAT).reshape(-1, row.dimension)
                batches.append(batch.astype(np.float32, copy=False))
                known += len(batch)
        return batches


def remove_drafts(connection: Connection, document_id: str) -> None:
    for table in (document_drafts, draft_vectors):
        connection.execute(delete(table).where(table.c.document_id == document_id))
