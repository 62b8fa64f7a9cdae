"""Tenants as a whole: which there are, and how everything of one is forgotten."""

from __future__ import annotations

from sqlalchemy import delete, select

from app.knowledge.database import Database
from app.knowledge.deletion import remove_documents, remove_files
from app.knowledge.originals import Originals
from app.knowledge.ownership import belongs_to
from app.knowledge.tables import api_keys, collections, documents, jobs
from app.tenancy import tenant_of


class Tenants:
    """What the store knows of them; conversations are elsewhere, see `app.conversations`."""

    def __init__(self, database: Database, originals: Originals) -> None:
        self._database = database
        self._originals = originals

    def names(self) -> set[str]:
        """Everybody who has a collection, a job or a key."""
        with self._database.reading() as connection:
            found = {tenant_of(name) for name in connection.scalars(select(collections.c.name))}
            found.update(connection.scalars(select(jobs.c.tenant).distinct()))
            found.update(connection.scalars(select(api_keys.c.tenant).distinct()))
        return found

    def job_ids(self, tenant: str) -> list[str]:
        """The batches of questions of a tenant, oldest first."""
        own = (jobs.c.tenant == tenant) & (jobs.c.unit == "questions")
        with self._database.reading() as connection:
            return list(connection.scalars(select(jobs.c.job_id).where(own).order_by(jobs.c.created_at)))

    def erase(self, tenant: str) -> int:
        """Forget documents with their files, collections, jobs with answers, and keys; tell how many documents."""
        inside = select(documents.c.document_id, documents.c.sha256).where(
            belongs_to(documents.c.collection, tenant)
        )
        with self._database.writing() as connection:
            rows = connection.execute(inside).all()
            remove_documents(connection, [row.document_id for row in rows])
            connection.execute(delete(collections).where(belongs_to(collections.c.name, tenant)))
            connection.execute(delete(jobs).where(jobs.c.tenant == tenant))
            connection.execute(delete(api_keys).where(api_keys.c.tenant == tenant))
        remove_files(self._database, self._originals, [row.sha256 for row in rows])
        self._database.empty_log()
        return len(rows)
