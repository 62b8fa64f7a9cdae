"""Two knowledge bases at one data directory by mistake: the second does not start, and the first loses no file."""

from __future__ import annotations

import shutil
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from app.errors import ConfigurationError
from app.knowledge.claiming import claim_originals
from app.knowledge.database import open_database
from app.knowledge.image_cache import ImageCache
from app.knowledge.originals import OWNER, OriginalFiles
from app.knowledge.store import open_store
from tests.knowledge_base import add_document

TEXT = "The rent is due on Monday."


def first(folder: Path) -> str:
    return f"sqlite:///{folder / 'llmops.db'}"


def second(folder: Path) -> str:
    return f"sqlite:///{folder / 'other.db'}"


@pytest.fixture
def sha256(tmp_path: Path) -> str:
    """Of the one original in `tmp_path`."""
    with open_store(first(tmp_path), tmp_path) as store:
        return add_document(store, [TEXT]).sha256


def files(folder: Path) -> list[str]:
    return list(OriginalFiles(folder / "originals", ImageCache(folder)).hashes())


def test_another_database_is_refused_and_removes_nothing(tmp_path: Path, sha256: str) -> None:
    with (
        pytest.raises(ConfigurationError, match=r"originals has the originals of another.*LLMOPS_DATA_DIR"),
        open_store(second(tmp_path), tmp_path) as store,
    ):
        store.sweep()
    assert files(tmp_path) == [sha256]
    with open_store(first(tmp_path), tmp_path) as store:
        store.sweep()
    assert files(tmp_path) == [sha256]


def test_files_that_nobody_has_claimed_are_not_for_an_empty_database(tmp_path: Path, sha256: str) -> None:
    """As an earlier version has left them, or a restore whose database did not follow."""
    (tmp_path / "originals" / OWNER).unlink()
    with pytest.raises(ConfigurationError), open_store(second(tmp_path), tmp_path):
        pass
    with open_store(first(tmp_path), tmp_path):
        assert files(tmp_path) == [sha256]
    assert (tmp_path / "originals" / OWNER).exists()


def test_an_empty_place_that_is_claimed_stays_so(tmp_path: Path) -> None:
    with open_store(first(tmp_path), tmp_path):
        pass
    with pytest.raises(ConfigurationError), open_store(second(tmp_path), tmp_path):
        pass


def test_a_copy_of_a_data_directory_is_whole(tmp_path: Path, sha256: str) -> None:
    copy = Path(shutil.copytree(tmp_path, tmp_path.with_name("copy")))
    with open_store(first(copy), copy) as store:
        store.sweep()
    assert files(copy) == [sha256]


def test_of_several_at_once_one_has_it(tmp_path: Path) -> None:
    """Each writes its claim when none was there, and believes what it reads then."""
    originals = OriginalFiles(tmp_path / "originals", ImageCache(tmp_path))

    with ExitStack() as stack:
        databases = [
            stack.enter_context(closing(open_database(f"sqlite:///{tmp_path / name}.db")))
            for name in "abcdef"
        ]

        def claims(number: int) -> bool:
            try:
                claim_originals(databases[number], originals)
            except ConfigurationError:
                return False
            return True

        with ThreadPoolExecutor() as pool:
            outcomes = list(pool.map(claims, range(len(databases))))
    assert outcomes.count(True) == 1
    assert [path.name for path in (tmp_path / "originals").iterdir()] == [OWNER]
