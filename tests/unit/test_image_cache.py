"""Pictures are kept while there is room and while their file is kept."""

from __future__ import annotations

import os
from pathlib import Path

from app.knowledge.image_cache import ImageCache


def test_what_was_put_is_there_until_its_file_goes(tmp_path: Path) -> None:
    cache = ImageCache(tmp_path)
    cache.put("aa", "one", b"picture")
    cache.put("bb", "one", b"other")
    cache.remove("aa")

    assert (cache.get("aa", "one"), cache.get("bb", "one")) == (None, b"other")
    assert not (tmp_path / "page_images" / "aa").exists()


def test_those_that_nobody_asked_for_go_first(tmp_path: Path) -> None:
    cache = ImageCache(tmp_path, max_bytes=300)
    for age, key in enumerate(["old", "older", "oldest"]):
        cache.put("aa", key, b"x" * 100)
        os.utime(tmp_path / "page_images" / "aa" / key, (1_000 - age, 1_000 - age))
    assert cache.get("aa", "oldest") is not None
    cache.put("bb", "new", b"x" * 100)

    assert cache.keys("aa") == ["oldest"]
    assert cache.get("bb", "new") is not None


def test_a_disk_that_takes_nothing_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "page_images").write_text("a file where the folder belongs")
    cache = ImageCache(tmp_path)
    cache.put("aa", "one", b"picture")

    assert cache.get("aa", "one") is None
    assert cache.keys("aa") == []
