"""The files that people uploaded, in a store of objects that machines share: S3, or another that fsspec knows."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timedelta
from io import BytesIO
from logging import getLogger
from typing import Any, BinaryIO, Final, Protocol, cast
from urllib.parse import urlsplit
from uuid import uuid4

from app.errors import ConfigurationError, MissingOriginal, StorageUnavailable
from app.knowledge.image_cache import ImageCache
from app.knowledge.originals import ABANDONED_AFTER_S, HASH_DIGITS, OWNER, missing, placed

log = getLogger("llmops.api")

SCHEMES: Final = ("s3", "gs", "az", "abfs")
_OPTIONS: Final[dict[str, Any]] = {
    "client_options": {"timeout": "25s", "connect_timeout": "5s", "allow_http": True},
    "retry_config": {"max_retries": 1, "retry_timeout": timedelta(seconds=20)},
}


class Files(Protocol):
    """What is used of fsspec's AbstractFileSystem."""

    def pipe_file(self, path: str, value: bytes) -> object: ...
    def cp_file(self, path1: str, path2: str) -> object: ...
    def rm_file(self, path: str) -> object: ...
    def cat_file(self, path: str) -> bytes: ...
    def find(self, path: str) -> list[str]: ...
    def modified(self, path: str) -> datetime: ...


class OriginalObjects:
    """Objects below `root`, each at `<first two digits>/<sha256>`; what arrives is at `arriving/` until it is there.

    Together with a retry no call takes as long as a writer may stand still. An object appears whole or not at all, so
    putting into place is a copy within the store.
    """

    setting = "LLMOPS_ORIGINALS_URL"

    def __init__(self, files: Files, root: str, images: ImageCache) -> None:
        self._files = files
        self._root = root
        self.place = root
        self.images = images

    @contextmanager
    def staged(self, data: bytes, sha256: str) -> Iterator[Callable[[], None]]:
        aside = f"{self._root}/arriving/{sha256}.{uuid4().hex}"

        def publish() -> None:
            with _translated():
                self._files.cp_file(aside, self._path(sha256))

        try:
            with _translated():
                self._files.pipe_file(aside, data)
            yield publish
        finally:
            with suppress(StorageUnavailable):  # it goes with what was abandoned
                self._remove(aside)

    def open(self, sha256: str) -> BinaryIO:
        """All of it at once: a reader that asked again and again could find it removed meanwhile."""
        try:
            with _translated():
                return BytesIO(self._files.cat_file(self._path(sha256)))
        except FileNotFoundError:
            raise missing(sha256) from None

    def remove(self, sha256: str) -> None:
        self._remove(self._path(sha256))
        self.images.remove(sha256)

    def hashes(self) -> Iterator[str]:
        with _translated():
            found = self._files.find(self._root)
        for path in found:
            name = path.rpartition("/")[2]
            if len(name) == HASH_DIGITS and path.endswith(placed(name)):
                yield name

    def remove_abandoned(self) -> None:
        with _translated():
            for aside in self._files.find(f"{self._root}/arriving"):
                with suppress(FileNotFoundError):  # or it is in place by now
                    if self._files.modified(aside).timestamp() < time.time() - ABANDONED_AFTER_S:
                        self._remove(aside)

    def owner(self) -> str | None:
        try:
            with _translated():
                return self._files.cat_file(f"{self._root}/{OWNER}").decode()
        except FileNotFoundError:
            return None

    def claim(self, store_id: str) -> None:
        with _translated():
            self._files.pipe_file(f"{self._root}/{OWNER}", store_id.encode())

    def _remove(self, path: str) -> None:
        with suppress(FileNotFoundError), _translated():
            self._files.rm_file(path)

    def _path(self, sha256: str) -> str:
        return f"{self._root}/{placed(sha256)}"


@contextmanager
def _translated() -> Iterator[None]:
    """What is not there stays FileNotFoundError."""
    try:
        yield
    except (FileNotFoundError, MissingOriginal):
        raise
    except Exception as error:  # each store has errors of its own, of no common kind
        log.warning("storage_unavailable", extra={"reason": _said(error)})
        raise StorageUnavailable("The store of the originals cannot be used") from error


def _said(error: BaseException | None) -> str:
    """Its first line; it names hosts, which are nothing for clients."""
    return str(error).partition("\n")[0]


def open_original_objects(url: str, images: ImageCache) -> OriginalObjects:
    """The store that `LLMOPS_ORIGINALS_URL` names; who may use it is found in the environment, as its vendor says.

    Raises:
        ConfigurationError: there is no such store, or it cannot be used.
    """
    parts = urlsplit(url)
    if parts.scheme not in SCHEMES or not parts.netloc or parts.query or parts.username:
        raise ConfigurationError(f"LLMOPS_ORIGINALS_URL must be {'|'.join(SCHEMES)}://bucket/prefix")
    try:
        from obstore.fsspec import FsspecStore
    except ImportError as error:
        raise ConfigurationError(
            f"LLMOPS_ORIGINALS_URL needs the extra `objects`: install `.[server,objects]` ({error.name} is missing)"
        ) from None
    files = FsspecStore(cast(Any, parts.scheme), **_OPTIONS)
    objects = OriginalObjects(files, f"{parts.netloc}{parts.path.rstrip('/')}", images)
    try:
        objects.owner()
    except StorageUnavailable as error:
        raise ConfigurationError(f"LLMOPS_ORIGINALS_URL={url!r}: {_said(error.__cause__)}") from error
    return objects
