"""Reads the database's address, and shows it without what is secret in it."""

from __future__ import annotations

import re

from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError

from app.errors import ConfigurationError
from app.knowledge import database_postgres, database_sqlite

_ACCEPTED = "must be sqlite:///path/to/file.db or postgresql://user@host/database"
# A password may hold what nobody expects, as long as it is wrong: everything up to the last @ may belong to it.
_USER_AND_PASSWORD = re.compile(r"\A(\w[\w+]*://[^:/@]*)?.*@", re.DOTALL)
_PASSWORD_AS_OPTION = re.compile(r"(password=)[^&]*", re.IGNORECASE)


def parse_address(database_url: str) -> URL:
    """Raises ConfigurationError: it names no database that this version can read and write."""
    try:
        url = make_url(database_url)
    except (ArgumentError, ValueError):  # the second of a port that is no number
        url = None
    if url is None:
        raise _refused(database_url, _ACCEPTED)
    if "@" in (url.host or ""):
        raise _refused(database_url, "an @ in a password is written %40")
    if url.drivername in database_postgres.DRIVERS and url.database:
        return url
    if url.drivername in database_sqlite.DRIVERS and url.database not in (None, "", ":memory:"):
        return url
    raise _refused(database_url, _ACCEPTED)


def shown_address(database_url: str) -> str:
    """The address as it may be told and logged, whether it can be parsed or not."""
    if database_url.startswith(database_sqlite.DRIVERS):
        return database_url
    hidden = _USER_AND_PASSWORD.sub(lambda found: f"{found[1] or ''}:***@", database_url)
    return _PASSWORD_AS_OPTION.sub(r"\1***", hidden)


def _refused(database_url: str, accepted: str) -> ConfigurationError:
    return ConfigurationError(
        f"LLMOPS_DATABASE_URL={shown_address(database_url)!r} is not accepted: {accepted}"
    )
