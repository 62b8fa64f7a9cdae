"""API keys in the store: what is kept of them, and when they are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.errors import UnknownKey
from app.knowledge.database import Database, open_database
from app.knowledge.keys import ApiKeys


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = open_database(f"sqlite:///{tmp_path / 'keys.db'}")
    yield opened
    opened.close()


@pytest.fixture
def keys(database: Database) -> ApiKeys:
    return ApiKeys(database)


def test_a_key_says_who_comes_in(keys: ApiKeys) -> None:
    created = keys.create(name="import", tenant="north", scopes=["write", "read"])
    assert re.fullmatch(r"llmops_[0-9a-f]{16}_[0-9a-f]{64}", created.key)
    found = keys.verify(created.key)
    assert found is not None
    assert (found.tenant, found.name, found.key_id) == ("north", "import", created.key_id)
    assert found.scopes == {"read", "write"}


def test_no_file_holds_the_secret(keys: ApiKeys, tmp_path: Path) -> None:
    secret = keys.create(name="import", tenant="north", scopes=["read"]).key.rpartition("_")[2]
    for file in tmp_path.iterdir():
        assert secret.encode() not in file.read_bytes()


@pytest.mark.parametrize("change", ["", "x", "last", "secret", "prefix"])
def test_what_is_not_quite_a_key_is_none(keys: ApiKeys, change: str) -> None:
    key = keys.create(name="import", tenant="north", scopes=["read"]).key
    prefix, key_id, secret = key.split("_")
    wrong = {
        "": "",
        "x": "x",
        "last": key[:-1],
        "secret": f"{prefix}_{key_id}_{'0' * len(secret)}",
        "prefix": f"other_{key_id}_{secret}",
    }
    assert keys.verify(wrong[change]) is None


def test_a_revoked_key_is_refused_at_once_and_stays_in_the_list(keys: ApiKeys) -> None:
    created = keys.create(name="import", tenant="north", scopes=["read"])
    revoked = keys.revoke(created.key_id)
    assert revoked.revoked_at is not None
    assert keys.verify(created.key) is None
    assert keys.revoke(created.key_id) == revoked
    assert [key.key_id for key in keys.all()] == [created.key_id]
    assert not keys.any_valid()


def test_a_key_ends_when_it_was_said_to(database: Database) -> None:
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    early, late = ApiKeys(database, lambda: now), ApiKeys(database, lambda: now + timedelta(days=1))
    key = early.create(name="short", tenant="north", scopes=["read"], expires_at=now + timedelta(hours=1)).key
    assert early.verify(key) is not None
    assert early.any_valid()
    assert late.verify(key) is None
    assert not late.any_valid()


def test_a_tenant_sees_and_revokes_only_its_own(keys: ApiKeys) -> None:
    north = keys.create(name="a", tenant="north", scopes=["read"])
    south = keys.create(name="b", tenant="south", scopes=["read"])
    assert [key.key_id for key in keys.all("north")] == [north.key_id]
    with pytest.raises(UnknownKey):
        keys.revoke(south.key_id, "north")
    assert keys.verify(south.key) is not None


def test_use_is_noted(keys: ApiKeys) -> None:
    created = keys.create(name="import", tenant="north", scopes=["read"])
    assert created.last_used_at is None
    keys.note_use(created.key_id)
    [listed] = keys.all()
    assert listed.last_used_at is not None
