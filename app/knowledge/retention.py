"""Forgets documents that their collection keeps no longer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from sqlalchemy import select, true

from app.errors import UnknownDocument
from app.knowledge.database import Database
from app.knowledge.tables import collections, documents


def _now() -> datetime:
    return datetime.now(UTC)


class Retention:
    """`delete` forgets one document wholly."""

    def __init__(
        self, database: Database, delete: Callable[[str], None], now: Callable[[], datetime] = _now
    ) -> None:
        self._database = database
        self._delete = delete
        self._now = now

    def sweep(self, on_deleted: Callable[[str], None]) -> None:
        """Delete every document that is older than its collection keeps any, and tell which, each at once.

        Several processes may do so at once.
        """
        for document_id in self._expired():
            if not self._expired(document_id):
                continue
            try:
                self._delete(document_id)
            except UnknownDocument:
                continue
            on_deleted(document_id)

    def _expired(self, document_id: str | None = None) -> list[str]:
        """All of them, or this one if it still is: many take a while to delete, in which somebody may have come to
        keep a collection for longer, or sent a file anew.
        """
        found: list[str] = []
        asked = true() if document_id is None else documents.c.document_id == document_id
        with self._database.reading() as connection:
            for collection in connection.execute(select(collections.c.name, collections.c.settings)).all():
                if (days := collection.settings.get("retention_days")) is None:
                    continue
                old = documents.c.created_at < self._now() - timedelta(days=days)
                inside = documents.c.collection == collection.name
                found += connection.scalars(select(documents.c.document_id).where(inside, old, asked))
        return found
