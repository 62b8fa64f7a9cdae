"""Which rows are a tenant's, told by the collections that they name."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Connection, select

from app.errors import UnknownDocument
from app.knowledge.tables import documents
from app.tenancy import DEFAULT_TENANT, SEPARATOR


def belongs_to(name: ColumnElement[str], tenant: str) -> ColumnElement[bool]:
    """Whether a stored name is this tenant's; names of tenants hold no wildcards."""
    if tenant == DEFAULT_TENANT:
        return ~name.contains(SEPARATOR)
    return name.startswith(tenant + SEPARATOR)


def require_own_document(connection: Connection, document_id: str, tenant: str) -> None:
    """Raises UnknownDocument: there is none, or another tenant has it, which is the same to the caller."""
    collection: Any = documents.c.collection
    wanted = select(documents.c.document_id).where(
        documents.c.document_id == document_id, belongs_to(collection, tenant)
    )
    if connection.execute(wanted).first() is None:
        raise UnknownDocument(f"There is no document {document_id!r}")
