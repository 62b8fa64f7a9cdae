"""A server that starts where nobody can give out keys accepts the one in a file, or makes it."""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.api.first_key import admit_first_key
from app.commands.browsing import run_ui
from app.errors import ConfigurationError
from app.knowledge.database import open_database
from app.knowledge.keys import ApiKeys, new_key
from app.principal import SCOPES
from app.settings import Settings, load_settings
from tests.live import make_settings

KEY = f"llmops_{'0' * 16}_{'1' * 64}"


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "installation", first_key_file=tmp_path / "first-key")


@pytest.fixture
def keys(settings: Settings, tmp_path: Path) -> Iterator[ApiKeys]:
    opened = open_database(f"sqlite:///{tmp_path / 'keys.db'}")
    yield ApiKeys(opened)
    opened.close()


def key_in(settings: Settings) -> str:
    assert settings.first_key_file is not None
    return settings.first_key_file.read_text().strip()


def test_a_key_is_made_for_its_own_user_to_read(settings: Settings, keys: ApiKeys) -> None:
    admitted = admit_first_key(settings, keys)

    assert settings.first_key_file is not None
    assert stat.S_IMODE(settings.first_key_file.stat().st_mode) == 0o600
    found = keys.verify(key_in(settings))
    assert found is not None
    assert (found.key_id, found.tenant, found.scopes) == (admitted, "default", frozenset(SCOPES))
    assert [path.name for path in settings.first_key_file.parent.glob("*first-key*")] == ["first-key"]


def test_the_same_key_is_accepted_at_every_start(settings: Settings, keys: ApiKeys) -> None:
    assert admit_first_key(settings, keys) is not None
    before = key_in(settings)
    assert admit_first_key(settings, keys) is None
    assert key_in(settings) == before
    assert len(keys.all()) == 1


def test_a_key_from_elsewhere_is_accepted_by_an_empty_knowledge_base(
    settings: Settings, keys: ApiKeys, tmp_path: Path
) -> None:
    key = new_key()
    (tmp_path / "first-key").write_text(f"{key}\n")
    assert admit_first_key(settings, keys) == key.split("_")[1]
    assert keys.verify(key) is not None


def test_a_revoked_key_stays_revoked(settings: Settings, keys: ApiKeys) -> None:
    admitted = admit_first_key(settings, keys)
    assert admitted is not None
    keys.revoke(admitted)
    assert admit_first_key(settings, keys) is None
    assert keys.verify(key_in(settings)) is None


def test_servers_that_start_together_agree_on_one_key(settings: Settings, keys: ApiKeys) -> None:
    with ThreadPoolExecutor(8) as pool:
        admitted = list(pool.map(lambda _: admit_first_key(settings, keys), range(8)))
    assert len([key for key in admitted if key is not None]) == 1
    assert keys.verify(key_in(settings)) is not None
    assert len(keys.all()) == 1


@pytest.mark.parametrize("content", ["", "secret", "llmops_0123_4567", KEY + " and more"])
def test_a_file_without_a_key_stops_the_start(
    settings: Settings, keys: ApiKeys, tmp_path: Path, content: str
) -> None:
    (tmp_path / "first-key").write_text(content)
    with pytest.raises(ConfigurationError, match=r"LLMOPS_FIRST_KEY_FILE=.*must hold a key"):
        admit_first_key(settings, keys)


def test_nobody_takes_the_id_of_another_key(settings: Settings, keys: ApiKeys, tmp_path: Path) -> None:
    known = keys.create(name="known", tenant="north", scopes=["read"])
    (tmp_path / "first-key").write_text(f"llmops_{known.key_id}_{'0' * 64}")
    with pytest.raises(ConfigurationError, match=f"another key has the id {known.key_id}"):
        admit_first_key(settings, keys)


def test_a_folder_that_is_missing_is_named(settings: Settings, keys: ApiKeys, tmp_path: Path) -> None:
    elsewhere = settings.model_copy(update={"first_key_file": tmp_path / "nowhere" / "key"})
    with pytest.raises(ConfigurationError, match=r"LLMOPS_FIRST_KEY_FILE=.*nowhere"):
        admit_first_key(elsewhere, keys)


def test_a_client_reads_its_key_from_a_file(tmp_path: Path) -> None:
    file = tmp_path / "api-key"
    file.write_text("llmops_from_file\n")
    from_file = load_settings(api_key_file=file).client_key
    assert from_file is not None
    assert from_file.get_secret_value() == "llmops_from_file"
    both = load_settings(api_key_file=file, api_key="llmops_from_variable").client_key
    assert both is not None
    assert both.get_secret_value() == "llmops_from_variable"
    with pytest.raises(ConfigurationError, match="LLMOPS_API_KEY_FILE"):
        _ = load_settings(api_key_file=tmp_path / "missing").client_key


def test_the_user_interface_gets_the_key_of_the_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "api-key").write_text("llmops_from_file\n")
    monkeypatch.setenv("LLMOPS_API_KEY_FILE", str(tmp_path / "api-key"))
    monkeypatch.setattr(os, "environ", dict(os.environ))
    started: list[str] = []
    monkeypatch.setattr(os, "execv", lambda program, arguments: started.extend([program, *arguments]))
    run_ui("127.0.0.1", 8501, "http://api:8000")
    assert started[0] == sys.executable
    assert os.environ["LLMOPS_API_KEY"] == "llmops_from_file"
    assert "llmops_from_file" not in " ".join(started)
