"""Collections: named sets of documents, each with settings of its own."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, insert, select, update

from app.errors import CollectionExists
from app.knowledge.database import Database
from app.knowledge.deletion import remove_documents, remove_files
from app.knowledge.insertion import insert_collection
from app.knowledge.originals import Originals
from app.knowledge.ownership import belongs_to
from app.knowledge.rows import require_collection, total_of
from app.knowledge.tables import collections, documents
from app.schemas import DEFAULT_COLLECTION, CollectionInfo, CollectionSettings
from app.settings import Settings
from app.tenancy import plain_name


class Collections:
    """Every method is one transaction, but for the files that `delete` removes after it.

    Names come in as they are stored, see `app.tenancy`, and go out as their tenant knows them.
    """

    def __init__(self, database: Database, originals: Originals) -> None:
        self._database = database
        self._originals = originals

    def all(self, tenant: str) -> list[CollectionInfo]:
        """A tenant's, by name; the default collection is among them whether anything was ever put into it or not."""
        with self._database.reading() as connection:
            found = [
                _as_info(row)
                for row in connection.execute(_counted().where(belongs_to(collections.c.name, tenant)))
            ]
        if all(info.name != DEFAULT_COLLECTION for info in found):
            found.append(_EMPTY_DEFAULT)
        return sorted(found, key=lambda info: info.name)

    def get(self, name: str) -> CollectionInfo:
        """Raises UnknownCollection."""
        with self._database.reading() as connection:
            return _load(connection, name)

    def create(self, name: str, settings: CollectionSettings) -> CollectionInfo:
        """Raises CollectionExists."""
        with self._database.writing() as connection:
            if plain_name(name) == DEFAULT_COLLECTION or _find(connection, name) is not None:
                raise CollectionExists(f"There is a collection {plain_name(name)!r} already")
            values = {"name": name, "created_at": datetime.now(UTC), "settings": _stored(settings)}
            connection.execute(insert(collections).values(values))
            return _load(connection, name)

    def change(self, name: str, settings: CollectionSettings) -> CollectionInfo:
        """Take over the fields that are set; None gives one back to the configuration. Raises UnknownCollection."""
        with self._database.writing() as connection:
            require_collection(connection, name)
            insert_collection(connection, name)
            merged = _load(connection, name).settings.model_copy(
                update={field: getattr(settings, field) for field in settings.model_fields_set}
            )
            chosen = collections.c.name == name
            connection.execute(update(collections).where(chosen).values(settings=_stored(merged)))
            return _load(connection, name)

    def delete(self, name: str) -> int:
        """Forget a collection with its settings and documents; tell how many. The default one stays, empty.

        Raises:
            UnknownCollection
        """
        with self._database.writing() as connection:
            require_collection(connection, name)
            inside = select(documents.c.document_id, documents.c.sha256).where(documents.c.collection == name)
            rows = connection.execute(inside).all()
            remove_documents(connection, [row.document_id for row in rows])
            connection.execute(delete(collections).where(collections.c.name == name))
        remove_files(self._database, self._originals, [row.sha256 for row in rows])
        return len(rows)

    def settings_for(self, name: str, defaults: Settings) -> Settings:
        """The configuration as it holds for a collection: its own settings where it has some.

        An overlap that no longer fits, because the configuration was changed since, is shortened.
        """
        with self._database.reading() as connection:
            row = _find(connection, name)
        own = row.settings if row is not None else {}
        configured = {name: value for name, value in own.items() if name in Settings.model_fields}
        merged = defaults.model_copy(update=configured)
        overlap = min(merged.chunk_overlap_tokens, merged.chunk_tokens - 1)
        return merged.model_copy(update={"chunk_overlap_tokens": overlap})


_EMPTY_DEFAULT = CollectionInfo(
    name=DEFAULT_COLLECTION, documents=0, chunks=0, bytes=0, created_at=None, settings=CollectionSettings()
)


def _counted() -> Select[Any]:
    return (
        select(
            collections,
            func.count(documents.c.document_id).label("documents"),
            total_of(documents.c.chunks).label("chunks"),
            total_of(documents.c.bytes).label("bytes"),
        )
        .join_from(collections, documents, isouter=True)
        .group_by(collections.c.name)
    )


def _find(connection: Connection, name: str) -> Row[Any] | None:
    return connection.execute(select(collections).where(collections.c.name == name)).one_or_none()


def _load(connection: Connection, name: str) -> CollectionInfo:
    row = connection.execute(_counted().where(collections.c.name == name)).one_or_none()
    if row is None:
        require_collection(connection, name)
        return _EMPTY_DEFAULT
    return _as_info(row)


def _as_info(row: Row[Any]) -> CollectionInfo:
    return CollectionInfo(
        name=plain_name(row.name),
        documents=row.documents,
        chunks=row.chunks,
        bytes=row.bytes,
        created_at=row.created_at,
        settings=CollectionSettings(**row.settings),
    )


def _stored(settings: CollectionSettings) -> dict[str, Any]:
    return settings.model_dump(exclude_none=True)
