"""The files that people uploaded, kept under the hash of their bytes: the same bytes are stored once."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final
from uuid import uuid4

from app.errors import MissingOriginal
from app.knowledge.image_cache import ImageCache

_HASH_DIGITS: Final = 64
_ABANDONED_AFTER_S: Final = 3_600
"""Nobody writes one file for so long."""


class Originals:
    """Files of `root`, each at `<first two digits>/<sha256>`; a file that is there is whole and on the disk.

    Pictures of its pages go with it.
    """

    def __init__(self, root: Path, images: ImageCache) -> None:
        self._root = root
        self._images = images

    @contextmanager
    def staged(self, data: bytes, sha256: str) -> Iterator[Callable[[], None]]:
        """Write the bytes aside; the function given puts them into place, else they are dropped again.

        The slow part happens here, outside of any transaction; putting into place is a rename.
        """
        target = self.path(sha256)
        target.parent.mkdir(parents=True, exist_ok=True)
        aside = target.with_name(f".{sha256}.{uuid4().hex}")
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())

            def publish() -> None:
                aside.replace(target)
                sync_directory(target.parent)
                sync_directory(self._root)

            yield publish
        finally:
            aside.unlink(missing_ok=True)

    def path(self, sha256: str) -> Path:
        return self._root / sha256[:2] / sha256

    def open(self, sha256: str) -> BinaryIO:
        """Raises MissingOriginal: somebody else removed it."""
        try:
            return self.path(sha256).open("rb")
        except FileNotFoundError:
            raise MissingOriginal(f"The original {sha256} is not on the disk any more") from None

    def read(self, sha256: str) -> bytes:
        """Raises MissingOriginal."""
        with self.open(sha256) as file:
            return file.read()

    def remove(self, sha256: str) -> None:
        self.path(sha256).unlink(missing_ok=True)
        self._images.remove(sha256)

    def hashes(self) -> Iterator[str]:
        """The hashes of all files, in no order."""
        for path in self._root.glob("[0-9a-f][0-9a-f]/[0-9a-f]*"):
            if len(path.name) == _HASH_DIGITS:
                yield path.name

    def remove_abandoned(self) -> None:
        """Remove what a process has written aside that was killed before it could put it into place."""
        for aside in self._root.glob("[0-9a-f][0-9a-f]/.*"):
            with suppress(FileNotFoundError):  # or it is in place by now
                if aside.stat().st_mtime < time.time() - _ABANDONED_AFTER_S:
                    aside.unlink()


def sync_directory(directory: Path) -> None:
    """Make a new name in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
