"""Pictures of pages, kept by the hash of the file that they show, for as long as that file is kept."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

MAX_BYTES = 256 << 20
# After a clean-up there is room for a while, so that not every picture brings the next one.
_KEEP_SHARE = 0.8


class ImageCache:
    """Files below `page_images`, each at `<sha256>/<key>`; those that nobody asked for go first when it is full.

    Safe to use from several threads and processes. Nothing here is worth an error: what cannot be written is drawn
    again, and what cannot be read was never there.
    """

    def __init__(self, data_dir: Path, *, max_bytes: int = MAX_BYTES) -> None:
        self._root = data_dir / "page_images"
        self._max_bytes = max_bytes

    def get(self, sha256: str, key: str) -> bytes | None:
        path = self._root / sha256 / key
        try:
            data = path.read_bytes()
            os.utime(path)
        except OSError:
            return None
        return data

    def put(self, sha256: str, key: str, data: bytes) -> None:
        folder = self._root / sha256
        aside = folder / f".{uuid4().hex}"
        with contextlib.suppress(OSError):
            folder.mkdir(parents=True, exist_ok=True)
            try:
                aside.write_bytes(data)
                aside.replace(folder / key)
            finally:
                aside.unlink(missing_ok=True)
        self._make_room()

    def remove(self, sha256: str) -> None:
        shutil.rmtree(self._root / sha256, ignore_errors=True)

    def hashes(self) -> Iterator[str]:
        """The files of which pictures are kept, in no order."""
        with contextlib.suppress(OSError):
            yield from (path.name for path in self._root.iterdir())

    def keys(self, sha256: str) -> list[str]:
        """What is kept of a file; `llmops verify-deletion` and tests ask."""
        folder = self._root / sha256
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []

    def _make_room(self) -> None:
        files = [
            (stat.st_mtime, stat.st_size, path) for path in self._root.glob("*/*") if (stat := _stat(path))
        ]
        size = sum(bytes_ for _, bytes_, _ in files)
        if size <= self._max_bytes:
            return
        for _, bytes_, path in sorted(files):
            with contextlib.suppress(OSError):
                path.unlink()
            size -= bytes_
            if size <= self._max_bytes * _KEEP_SHARE:
                return


def _stat(path: Path) -> os.stat_result | None:
    try:
        return path.stat()
    except OSError:
        return None
