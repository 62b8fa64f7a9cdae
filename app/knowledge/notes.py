"""Notes that a model has made on parts of documents; they go with their document."""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import delete, insert, select

from app.knowledge.database import Database
from app.knowledge.tables import documents, summary_notes

MOST_OF_A_DOCUMENT = 1_000


class Notes:
    """Every method is one transaction. A key is a digest of all that its note depends on."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, document_id: str, key: str) -> str | None:
        wanted = (summary_notes.c.document_id == document_id) & (summary_notes.c.key == key)
        with self._database.reading() as connection:
            note: str | None = connection.scalar(select(summary_notes.c.note).where(wanted))
            return note

    def put(self, document_id: str, key: str, note: str) -> None:
        """Keep a note, unless its document is gone; of very many the oldest are dropped."""
        own = summary_notes.c.document_id == document_id
        keys = select(summary_notes.c.key).where(own)
        with self._database.writing() as connection:
            there = select(documents.c.document_id).where(documents.c.document_id == document_id)
            if connection.execute(there).first() is None:
                return
            connection.execute(delete(summary_notes).where(own, summary_notes.c.key == key))
            connection.execute(
                insert(summary_notes).values(
                    document_id=document_id, key=key, note=note, created_at=datetime.now(UTC)
                )
            )
            newest = keys.order_by(summary_notes.c.created_at.desc()).limit(MOST_OF_A_DOCUMENT)
            connection.execute(delete(summary_notes).where(own, summary_notes.c.key.not_in(newest)))
