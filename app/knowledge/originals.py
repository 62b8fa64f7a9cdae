"""The files that people uploaded, kept under the hash of their bytes: the same bytes are stored once."""

from __future__ import annotations

import errno
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final, Protocol
from uuid import uuid4

from app.errors import MissingOriginal
from app.knowledge.image_cache import ImageCache
from app.knowledge.new_file import write_unless_there

HASH_DIGITS: Final = 64
OWNER: Final = "knowledge-base"
"""The file with the id of whose the originals are, beside them."""
ABANDONED_AFTER_S: Final = 3_600
"""Nobody writes one file for so long."""


class Originals(Protocol):
    """A file that is there is whole and there to stay. Pictures of its pages go with it."""

    images: ImageCache
    place: str
    setting: str
    """Which names the place."""

    def staged(self, data: bytes, sha256: str) -> AbstractContextManager[Callable[[], None]]:
        """Write the bytes aside; the function given puts them into place, else they are dropped again.

        The slow part happens here, outside of any transaction.
        """

    def open(self, sha256: str) -> BinaryIO:
        """For reading from any place in it. Raises MissingOriginal: somebody else removed it."""

    def remove(self, sha256: str) -> None:
        """Nothing when it is not there."""

    def hashes(self) -> Iterator[str]:
        """The hashes of all files, in no order."""

    def owner(self) -> str | None:
        """The id of the knowledge base that has claimed the place, see `claim_originals`."""

    def claim(self, store_id: str) -> None:
        """Several may at once: `owner` tells who has it."""

    def remove_abandoned(self) -> None:
        """Remove what a process has written aside that was killed before it could put it into place."""


class OriginalFiles:
    """Files of `root`, each at `<first two digits>/<sha256>`."""

    setting = "LLMOPS_DATA_DIR"

    def __init__(self, root: Path, images: ImageCache) -> None:
        self._root = root
        self.place = str(root)
        self.images = images

    @contextmanager
    def staged(self, data: bytes, sha256: str) -> Iterator[Callable[[], None]]:
        target = self._root / placed(sha256)
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

    def open(self, sha256: str) -> BinaryIO:
        """A plain file: a link, or whatever else none of us has put there, counts as missing."""
        path = self._root / placed(sha256)
        try:
            if path.parent.is_symlink():
                raise missing(sha256)
            file = open(path, "rb", opener=_open_plain)  # noqa: SIM115  # the caller closes it
        except (FileNotFoundError, NotADirectoryError):
            raise missing(sha256) from None
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise missing(sha256)
        return file

    def remove(self, sha256: str) -> None:
        (self._root / placed(sha256)).unlink(missing_ok=True)
        self.images.remove(sha256)

    def hashes(self) -> Iterator[str]:
        for path in self._root.glob("[0-9a-f][0-9a-f]/[0-9a-f]*"):
            if len(path.name) == HASH_DIGITS:
                yield path.name

    def owner(self) -> str | None:
        try:
            return (self._root / OWNER).read_text()
        except FileNotFoundError:
            return None

    def claim(self, store_id: str) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        write_unless_there(self._root / OWNER, store_id)
        sync_directory(self._root)

    def remove_abandoned(self) -> None:
        for aside in self._root.glob("[0-9a-f][0-9a-f]/.*"):
            with suppress(FileNotFoundError):  # or it is in place by now
                if aside.stat().st_mtime < time.time() - ABANDONED_AFTER_S:
                    aside.unlink()


def open_originals(data_dir: Path, url: str | None) -> Originals:
    """The originals of a data directory, or of the store of objects that `url` names. Raises ConfigurationError."""
    images = ImageCache(data_dir)
    if url is None:
        return OriginalFiles(data_dir / "originals", images)
    from app.knowledge.original_objects import open_original_objects  # which needs an extra

    return open_original_objects(url, images)


def placed(sha256: str) -> str:
    """Where a file lies below the root of all."""
    return f"{sha256[:2]}/{sha256}"


def missing(sha256: str) -> MissingOriginal:
    return MissingOriginal(f"The original {sha256} is not there any more")


def size_of(file: BinaryIO) -> int:
    """How many bytes a file has that was just opened."""
    size = file.seek(0, os.SEEK_END)
    file.seek(0)
    return size


def _open_plain(path: str, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        if error.errno in (errno.ELOOP, errno.ENXIO):  # a link, a socket
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None
        raise


def sync_directory(directory: Path) -> None:
    """Make a new name in a directory survive a power cut."""
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
