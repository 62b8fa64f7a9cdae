"""Writes a consistent copy of a data directory into one file, while servers go on working with it."""

from __future__ import annotations

import io
import os
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import IO, BinaryIO, Final

from app import __version__
from app.errors import InvalidRequest, MissingOriginal, StorageUnavailable
from app.knowledge.archive import (
    BUFFER_BYTES,
    DATABASE,
    FORMAT,
    MANIFEST,
    SUMS,
    THREADS,
    ArchiveWriter,
    Manifest,
    original_name,
)
from app.knowledge.database import translated
from app.knowledge.originals import Originals, open_originals, size_of, sync_directory
from app.knowledge.snapshot import Snapshot, copy_database, copy_knowledge_base, count_threads, open_snapshot
from app.knowledge.tables import SCHEMA_REVISION
from app.knowledge.workspace import open_workspace

_ATTEMPTS: Final = 5
_ATTEMPT_PAUSE_S: Final = 0.1

Progress = Callable[[int, int], None]
"""Called with the bytes that are done and all that there are."""


def back_up(
    database_url: str,
    data_dir: Path,
    target: Path,
    *,
    replace: bool = False,
    on_progress: Progress | None = None,
    write_threads: Callable[[Path], object] | None = None,
    originals: Originals | None = None,
) -> Manifest:
    """Write `target`, wholly or not at all: it is written aside, synced and renamed.

    The database is copied in one moment; then the originals that it names. A document that is deleted before its
    original was copied is left out of the copy as well. Needs twice the size of the database for a while. Blocking.

    Where they are not in the data directory, `write_threads` writes the conversations into a new SQLite file, and
    `originals` has the files.

    Raises:
        InvalidRequest: there is a `target` already and it may not be replaced, or there is no folder for it.
        StorageUnavailable: the disk is full, or an original is missing or damaged.
    """
    if not target.parent.is_dir():
        raise InvalidRequest(f"{str(target.parent)!r} is no folder")
    if target.is_dir() or (os.path.lexists(target) and not replace):
        raise InvalidRequest(f"{str(target)!r} exists already; --force replaces a file")
    with translated(), open_workspace(target.parent, f".{target.name}.writing-") as work:
        copy_knowledge_base(database_url, work / DATABASE)
        if write_threads is not None:
            write_threads(work / THREADS)
        elif (data_dir / THREADS).exists():
            copy_database(data_dir / THREADS, work / THREADS)
        with _private(work / "archive") as file:
            manifest = _write_archive(
                file, work, database_url, originals or open_originals(data_dir, None), on_progress
            )
            file.flush()
            os.fsync(file.fileno())
        (work / "archive").replace(target)
        sync_directory(target.parent)
    return manifest


@contextmanager
def _private(path: Path) -> Iterator[IO[bytes]]:
    """A new file for its owner alone: it holds everybody's documents and conversations."""
    descriptor = os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        yield file


def _write_archive(
    file: IO[bytes], work: Path, live: str, originals: Originals, on_progress: Progress | None
) -> Manifest:
    created = datetime.now(UTC)
    with (
        (work / SUMS).open("w+b") as sums,
        tarfile.open(fileobj=file, mode="w|", bufsize=BUFFER_BYTES, format=tarfile.PAX_FORMAT) as tar,
    ):
        with open_snapshot(f"sqlite:///{work / DATABASE}") as copy:
            count = _counter(_size(work, copy), on_progress)
            archive = ArchiveWriter(tar, sums, created.timestamp(), count)
            copied, deleted = _add_originals(archive, copy, live, originals)
            copy.leave_out(deleted)
            copy.forget_store_id()
            counts = copy.count_documents(), copy.count_chunks(), copy.embedding_model()
        for name in (DATABASE, THREADS):
            if (work / name).exists():
                _add_file(archive, name, work / name)
        sums.flush()
        manifest = Manifest(
            format=FORMAT,
            version=__version__,
            schema_revision=SCHEMA_REVISION,
            created_at=created.isoformat(timespec="seconds"),
            embedding_model=counts[2],
            documents=counts[0],
            chunks=counts[1],
            originals=copied,
            threads=count_threads(work / THREADS),
            sums_sha256=_add_file(archive, SUMS, work / SUMS),
        )
        content = manifest.to_json()
        archive.add(MANIFEST, io.BytesIO(content), len(content))
    return manifest


def _size(work: Path, copy: Snapshot) -> int:
    files = [work / name for name in (DATABASE, THREADS) if (work / name).exists()]
    return sum(path.stat().st_size for path in files) + sum(size for _, size in copy.originals())


def _counter(total: int, on_progress: Progress | None) -> Callable[[int], None]:
    done = 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        if on_progress is not None:
            on_progress(min(done, total), total)

    return count


def _add_file(archive: ArchiveWriter, name: str, path: Path) -> str:
    with path.open("rb") as file:
        return archive.add(name, file, os.fstat(file.fileno()).st_size)


def _add_originals(
    archive: ArchiveWriter, copy: Snapshot, live: str, originals: Originals
) -> tuple[int, list[str]]:
    """Take in every original that is still there; their number, and the hashes of those deleted since the copy."""
    copied, deleted = 0, []
    for sha256, _ in copy.originals():
        file = _open_original(originals, sha256, live)
        if file is None:
            deleted.append(sha256)
            continue
        # From here on a file can be read to its end even if it is deleted.
        with file:
            copied += 1
            if archive.add(original_name(sha256), file, size_of(file)) != sha256:
                raise _damage("damaged", copy.documents_of(sha256))
    return copied, deleted


def _open_original(originals: Originals, sha256: str, live: str) -> BinaryIO | None:
    """The file, or None when no document has it any more.

    Raises:
        StorageUnavailable: a document has it, and it is not there.
    """
    claimed: list[str] = []
    for _ in range(_ATTEMPTS):
        with suppress(MissingOriginal):
            return originals.open(sha256)
        with open_snapshot(live) as now:
            claimed = now.documents_of(sha256)
        if not claimed:
            return None
        time.sleep(_ATTEMPT_PAUSE_S)  # deleted and sent again at this very moment, perhaps
    raise _damage("missing", claimed)


def _damage(state: str, document_ids: list[str]) -> StorageUnavailable:
    named = ", ".join(document_ids)
    return StorageUnavailable(
        f"The original of document {named} is {state}: delete the document, or send the file again, then back up"
    )
