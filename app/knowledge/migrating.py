"""Brings the schema of a database to what `app.knowledge.tables` says."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, inspect, text

from app.errors import ConfigurationError
from app.knowledge.tables import SCHEMA_REVISION

_MIGRATIONS = Path(__file__).with_name("migrations")


def needs_migration(connection: Connection) -> bool:
    return _revision(connection) != SCHEMA_REVISION


def migrate(connection: Connection) -> None:
    """Bring the schema to `SCHEMA_REVISION`, within the transaction of the connection.

    Raises:
        ConfigurationError: the database is of a later version.
    """
    from alembic import command
    from alembic.config import Config
    from alembic.util import CommandError

    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    config.attributes["connection"] = connection
    try:
        command.upgrade(config, "head")
    except CommandError as error:
        raise ConfigurationError(
            f"The knowledge base was written by another version of this service (schema "
            f"{_revision(connection)!r}, this version knows {SCHEMA_REVISION!r}): use that version or a newer one"
        ) from error


def _revision(connection: Connection) -> str | None:
    if not inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(text("SELECT version_num FROM alembic_version")).scalar()
