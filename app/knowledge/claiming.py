"""Originals belong to one knowledge base: whichever opens them removes the files that no document of its own has."""

from __future__ import annotations

from sqlalchemy import select

from app.errors import ConfigurationError
from app.knowledge.database import Database, translated
from app.knowledge.originals import Originals
from app.knowledge.shared_index import SharedIndex
from app.knowledge.tables import documents


def claim_originals(database: Database, originals: Originals) -> None:
    """Make the originals this knowledge base's, unless they are another's.

    Raises:
        ConfigurationError: they are, or they have files and this knowledge base has no document.
    """
    store_id = SharedIndex(database).store_id()
    with translated():
        if originals.owner() is None and (_has_documents(database) or not any(originals.hashes())):
            originals.claim(store_id)
        if originals.owner() != store_id:
            raise ConfigurationError(
                f"{originals.place} has the originals of another knowledge base than LLMOPS_DATABASE_URL names, which "
                f"would remove them: name the one whose they are, or another place ({originals.setting}); to move a "
                "knowledge base, restore a backup of it"
            )


def _has_documents(database: Database) -> bool:
    with database.reading() as connection:
        return connection.scalar(select(documents.c.document_id).limit(1)) is not None
