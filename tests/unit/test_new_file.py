"""A small file that the first of several processes makes."""

from __future__ import annotations

import errno
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.knowledge.new_file import write_unless_there


@pytest.fixture(params=["links", "no links"])
def file(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    if request.param == "no links":

        def refuse(*_: object) -> None:
            raise OSError(errno.EPERM, os.strerror(errno.EPERM))  # as on exFAT and many network shares

        monkeypatch.setattr(os, "link", refuse)
    return tmp_path / "name"


def test_the_first_one_counts_and_nothing_else_stays(file: Path) -> None:
    write_unless_there(file, "first")
    write_unless_there(file, "second")
    assert file.read_text() == "first"
    assert list(file.parent.iterdir()) == [file]


def test_of_several_at_once_one_is_first(file: Path) -> None:
    texts = [f"{number}" * 1_000 for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda text: write_unless_there(file, text), texts))
    assert file.read_text() in texts
    assert list(file.parent.iterdir()) == [file]


def test_a_full_disk_leaves_nothing_in_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "link", refuse)
    with pytest.raises(OSError, match="No space"):
        write_unless_there(tmp_path / "name", "text")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_unless_there(tmp_path / "missing" / "name", "text")
