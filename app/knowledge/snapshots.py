"""Copies of a derived index on disk, so that a process that starts need not derive it from the first chunk on.

A snapshot is a folder that nobody changes once it has its name. It is written aside, synced and renamed; whatever is
wrong with one is found before it is used, and then the index is derived from the store as if there were none.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from logging import getLogger
from pathlib import Path
from threading import Event
from typing import Any
from uuid import uuid4

from app.knowledge.changes import Witnessed
from app.knowledge.reading import StoreReader
from app.knowledge.records import Position

log = getLogger("llmops.embedding")

FORMAT = 1
_MANIFEST = "manifest.json"
_DRAFT = "draft-"
_BLOCK = 1024 * 1024
_POLL_S = 0.05


class Cancelled(Exception):
    """The process ends; what was begun is left undone."""


@dataclass(frozen=True)
class Snapshot:
    """`details` is what the index itself wanted to remember."""

    folder: Path
    position: Position
    details: Mapping[str, Any]


class Snapshots:
    """The snapshots of one index of a data directory, shared by all its processes.

    `made_by` says what has an influence on the contents besides the store: another value means another index.
    """

    def __init__(
        self, folder: Path, store: StoreReader, *, made_by: Mapping[str, Any], witnessed: Witnessed
    ) -> None:
        self._folder = folder
        self._store = store
        self._made_by = {"format": FORMAT, **made_by}
        self._witnessed: Witnessed = witnessed
        self._checksums: dict[tuple[int, int], int] = {}

    @contextmanager
    def writing(self, closing: Event | None = None) -> Iterator[None]:
        """Be the only one who writes here for the length of a block; others wait, until their `closing` is set.

        Raises:
            Cancelled, OSError
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        with (self._folder / "lock").open("ab") as lock:
            while not _try_lock(lock.fileno()):
                if closing is not None and closing.wait(_POLL_S):
                    raise Cancelled
            # Nobody else is writing: a draft that lies here was left by a process that died.
            for draft in self._folder.glob(f"{_DRAFT}*"):
                shutil.rmtree(draft, ignore_errors=True)
            yield

    def publish(
        self, position: Position, fill: Callable[[Path], None], details: Mapping[str, Any] | None = None
    ) -> Snapshot:
        """Make what `fill` puts into the folder that it is given the newest snapshot. To be called in `writing`.

        Raises:
            OSError: it could not be written; nothing has changed.
        """
        draft = self._folder / f"{_DRAFT}{uuid4().hex}"
        draft.mkdir()
        try:
            fill(draft)
            self._seal(draft, position, details or {})
            published = draft.rename(self._folder / f"{position.change:016x}-{uuid4().hex}")
            _sync(self._folder)
        except BaseException:
            shutil.rmtree(draft, ignore_errors=True)
            raise
        for older in self._present()[1:]:
            shutil.rmtree(older, ignore_errors=True)
        return Snapshot(published, position, details or {})

    def newest(self) -> Snapshot | None:
        """The last snapshot, if it is whole and belongs to this store; one that is not is thrown away."""
        refused: set[Path] = set()
        while present := [path for path in self._present() if path not in refused]:
            try:
                return self._checked(present[0])
            except (ValueError, KeyError, TypeError, OSError) as error:
                refused.add(present[0])
                # Replaced by a newer one while it was read, as other processes do, it is simply not there any more.
                if present[0].exists():
                    self.discard(present[0], str(error) or repr(error))
        return None

    def clear(self) -> None:
        """Remove all there are. To be called in `writing`."""
        for folder in self._present():
            shutil.rmtree(folder, ignore_errors=True)

    def discard(self, folder: Path, reason: str) -> None:
        log.warning("snapshot_discarded", extra={"index": self._folder.name, "reason": reason})
        shutil.rmtree(folder, ignore_errors=True)

    def _present(self) -> list[Path]:
        """Newest first; their names begin with the number of the last change that they have seen."""
        if not self._folder.is_dir():
            return []
        found = (
            path for path in self._folder.iterdir() if path.is_dir() and not path.name.startswith(_DRAFT)
        )
        return sorted(found, key=lambda path: path.name, reverse=True)

    def _seal(self, draft: Path, position: Position, details: Mapping[str, Any]) -> None:
        with self._store.changes_since(position) as changes:
            witnesses = changes.witnesses(self._witnessed)
        files = {path.name: [path.stat().st_size, self._checksum(path)] for path in draft.iterdir()}
        manifest = {
            "made_by": self._made_by,
            "position": [position.change, position.chunk_no],
            "files": files,
            "witnesses": witnesses,
            "details": details,
        }
        written = json.dumps(manifest).encode()
        (draft / _MANIFEST).write_bytes(b"%08x\n%s" % (zlib.crc32(written), written))
        for path in draft.iterdir():
            _sync(path)
        _sync(draft)

    def _checked(self, folder: Path) -> Snapshot:
        """Raises ValueError, KeyError, TypeError or OSError when anything is not as it was written."""
        checksum, _, written = (folder / _MANIFEST).read_bytes().partition(b"\n")
        if checksum != b"%08x" % zlib.crc32(written):
            raise ValueError("the manifest is damaged")
        manifest = json.loads(written)
        if manifest["made_by"] != self._made_by:
            raise ValueError(f"made by {manifest['made_by']!r}, not {self._made_by!r}")
        for name, (size, checksum) in manifest["files"].items():
            if (folder / name).stat().st_size != size or self._checksum(folder / name) != checksum:
                raise ValueError(f"{name!r} is damaged")
        position = Position(*manifest["position"])
        with self._store.changes_since(position) as changes:
            if position.change > changes.position.change or position.chunk_no > changes.position.chunk_no:
                raise ValueError(f"{position!r} is ahead of the store")
            witnesses = {int(chunk_no): digest for chunk_no, digest in manifest["witnesses"].items()}
            if not changes.confirm(witnesses, self._witnessed):
                raise ValueError("made of other documents")
        return Snapshot(folder, position, manifest["details"])

    def _checksum(self, path: Path) -> int:
        """CRC-32 of the contents, read once for each file, whatever links lead to it: their contents never change."""
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            identity = (status.st_ino, status.st_mtime_ns)
            if identity not in self._checksums:
                checksum = 0
                while block := file.read(_BLOCK):
                    checksum = zlib.crc32(block, checksum)
                self._checksums[identity] = checksum
        return self._checksums[identity]


def _try_lock(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _sync(path: Path) -> None:
    file = os.open(path, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
