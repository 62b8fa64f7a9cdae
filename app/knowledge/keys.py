"""API keys: who has one may do what it says, until it ends.

A key is `llmops_<id>_<secret>`. The secret has 256 random bits, so its digest needs neither salt nor many rounds: there
is nothing to guess (NIST SP 800-63B, 5.1.2.2, asks for those where a secret has fewer than 112 bits).
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, Row, exists, insert, or_, select, update

from app.errors import UnknownKey
from app.knowledge.database import Database
from app.knowledge.tables import api_keys
from app.principal import Principal, Scope
from app.schemas import CreatedKey, KeyInfo

PREFIX = "llmops"
_ID_BYTES, _SECRET_BYTES = 8, 32
_KEY = re.compile(rf"{PREFIX}_[0-9a-f]{{{2 * _ID_BYTES}}}_[0-9a-f]{{{2 * _SECRET_BYTES}}}")
_NOBODYS = hashlib.sha256(b"nobody's").hexdigest()


def _now() -> datetime:
    return datetime.now(UTC)


class ApiKeys:
    """Every method is one transaction; a key that is revoked is refused from the next request on, in each process."""

    def __init__(self, database: Database, now: Callable[[], datetime] = _now) -> None:
        self._database = database
        self._now = now

    def create(
        self, *, name: str, tenant: str, scopes: Sequence[Scope], expires_at: datetime | None = None
    ) -> CreatedKey:
        """Give out a key; it cannot be shown again."""
        key = new_key()
        with self._database.writing() as connection:
            stored = self._insert(
                connection, key, name=name, tenant=tenant, scopes=scopes, expires_at=expires_at
            )
        return CreatedKey(**_as_info(stored).model_dump(), key=key)

    def admit(self, key: str, *, name: str, tenant: str, scopes: Sequence[Scope]) -> str | None:
        """Accept a key that was made elsewhere, by `new_key` or in its form; one that is known stays what it is.

        Returns:
            Its id, where it was not known.

        Raises:
            ValueError: it has not the form of a key, or another key has its id.
        """
        if not _KEY.fullmatch(key):
            raise ValueError("it must hold a key: llmops_, 16 hexadecimal digits, _ and 64 more")
        key_id, secret = _parts(key)
        with self._database.writing() as connection:
            known = connection.execute(select(api_keys).where(api_keys.c.key_id == key_id)).one_or_none()
            if known is None:
                self._insert(connection, key, name=name, tenant=tenant, scopes=scopes, expires_at=None)
                return key_id
        if not hmac.compare_digest(known.digest, _digest(secret)):
            raise ValueError(f"another key has the id {key_id}")
        return None

    def _insert(
        self,
        connection: Connection,
        key: str,
        *,
        name: str,
        tenant: str,
        scopes: Sequence[Scope],
        expires_at: datetime | None,
    ) -> Row[Any]:
        key_id, secret = _parts(key)
        row = {
            "key_id": key_id,
            "tenant": tenant,
            "name": name,
            "scopes": sorted(set(scopes)),
            "digest": _digest(secret),
            "created_at": self._now(),
            "expires_at": expires_at,
        }
        connection.execute(insert(api_keys).values(row))
        return connection.execute(select(api_keys).where(api_keys.c.key_id == key_id)).one()

    def all(self, tenant: str | None = None) -> list[KeyInfo]:
        """The keys of a tenant or of all, newest first, those that have ended included."""
        wanted = select(api_keys).order_by(api_keys.c.created_at.desc(), api_keys.c.key_id)
        if tenant is not None:
            wanted = wanted.where(api_keys.c.tenant == tenant)
        with self._database.reading() as connection:
            return [_as_info(row) for row in connection.execute(wanted)]

    def revoke(self, key_id: str, tenant: str | None = None) -> KeyInfo:
        """Refuse a key from now on. Raises UnknownKey: there is none, or not of this tenant."""
        chosen = api_keys.c.key_id == key_id
        if tenant is not None:
            chosen &= api_keys.c.tenant == tenant
        with self._database.writing() as connection:
            found = connection.execute(select(api_keys).where(chosen)).one_or_none()
            if found is None:
                raise UnknownKey(f"There is no key {key_id!r}")
            if found.revoked_at is None:
                connection.execute(update(api_keys).where(chosen).values(revoked_at=self._now()))
            return _as_info(connection.execute(select(api_keys).where(chosen)).one())

    def any_valid(self) -> bool:
        """Whether anybody could come in with a key now."""
        ends_later = or_(api_keys.c.expires_at.is_(None), api_keys.c.expires_at > self._now())
        with self._database.glancing() as connection:
            valid = exists().where(api_keys.c.revoked_at.is_(None), ends_later)
            return bool(connection.execute(select(valid)).scalar_one())

    def verify(self, key: str) -> Principal | None:
        """Whose key it is; None when it is none, or has ended."""
        key_id, secret = _parts(key)
        with self._database.glancing() as connection:
            row = connection.execute(select(api_keys).where(api_keys.c.key_id == key_id)).one_or_none()
        # Compared in either case, so that the time does not tell whether the id exists.
        fits = hmac.compare_digest(_digest(secret), row.digest if row is not None else _NOBODYS)
        if row is None or not fits or row.revoked_at is not None:
            return None
        if row.expires_at is not None and row.expires_at <= self._now():
            return None
        return Principal(row.tenant, row.name, frozenset(row.scopes), row.key_id, expires_at=row.expires_at)

    def note_use(self, key_id: str) -> None:
        """Keep that the key was used now, for who wonders which can go."""
        with self._database.writing(in_order=False) as connection:
            used = update(api_keys).where(api_keys.c.key_id == key_id)
            connection.execute(used.values(last_used_at=self._now()))


def new_key() -> str:
    """A key that nobody has been given yet."""
    return f"{PREFIX}_{secrets.token_hex(_ID_BYTES)}_{secrets.token_hex(_SECRET_BYTES)}"


def _parts(key: str) -> tuple[str, str]:
    prefix, _, rest = key.partition("_")
    key_id, _, secret = rest.partition("_")
    return (key_id, secret) if prefix == PREFIX else ("", "")


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", errors="surrogatepass")).hexdigest()


def _as_info(row: Row[Any]) -> KeyInfo:
    return KeyInfo(
        key_id=row.key_id,
        name=row.name,
        tenant=row.tenant,
        scopes=row.scopes,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        last_used_at=row.last_used_at,
    )
