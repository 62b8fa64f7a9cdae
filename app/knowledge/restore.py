"""Puts a backup in the place of a data directory, after everything in it has been checked."""

from __future__ import annotations

import os
import shutil
import sqlite3
import tarfile
from collections.abc import Callable
from contextlib import closing, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import IO

from app.errors import ConfigurationError, InvalidRequest, UnusableBackup
from app.knowledge.archive import (
    BUFFER_BYTES,
    DATABASE,
    MANIFEST,
    SUMS,
    THREADS,
    HashingReader,
    Manifest,
    original_name,
    read_manifest,
    require_acceptable,
)
from app.knowledge.backup import Progress
from app.knowledge.database import database_file, translated
from app.knowledge.originals import Originals, sync_directory
from app.knowledge.server_filling import filled_server
from app.knowledge.snapshot import open_snapshot
from app.knowledge.workspace import open_workspace

_STAGING = ".restore-"
_NO_CONTENT = ("lost+found", _STAGING)
_MAX_MANIFEST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Restored:
    """`moved_aside` is where the former data directory is now, if there was one."""

    manifest: Manifest
    moved_aside: Path | None


def restore(
    source: Path,
    database_url: str,
    data_dir: Path,
    *,
    replace: bool = False,
    on_progress: Progress | None = None,
    take_threads: Callable[[Path], object] | None = None,
    originals: Originals | None = None,
) -> Restored:
    """Make `data_dir` what it was when `source` was written; a crash on the way leaves it as it is. Blocking.

    A database on a server must be empty: it takes the copy in one transaction, whose end follows the files.
    Conversations are a file of the data directory, unless `take_threads` takes in the SQLite file that has them; so are
    the originals, unless there are others to take them.

    Raises:
        InvalidRequest: there is no such file, or `data_dir` holds something and may not be replaced, or is in use; or
            the database on a server is not empty.
        UnusableBackup: the file is not a whole and unchanged backup.
        ConfigurationError: the backup is of a later version, or the database is configured to be elsewhere.
        StorageUnavailable: the disk is full.
    """
    data_dir = data_dir.resolve()
    place = _place(database_url, data_dir)
    if not source.is_file():
        raise InvalidRequest(f"{str(source)!r} is no file")
    if originals is not None and originals.owner() is not None:
        raise InvalidRequest(
            "LLMOPS_ORIGINALS_URL names a place that has originals already: restore into a new prefix"
        )
    occupied = _is_occupied(data_dir)
    if occupied and not replace:
        raise InvalidRequest(f"{str(data_dir)!r} is not empty; --force moves what is there aside")
    with translated(), open_workspace(_parent_of_staging(data_dir), _STAGING, 0o777) as staging:
        manifest = _extract(source, staging, on_progress)
        _check_knowledge_base(staging, manifest)
        with filled_server(database_url, staging / DATABASE) if place is None else nullcontext():
            if place is not None:
                (staging / DATABASE).rename(staging / place.name)
            if take_threads is not None and (staging / THREADS).exists():
                _hand_over(staging / THREADS, take_threads)
            if originals is not None:
                _hand_over_originals(staging / "originals", originals)
            os.sync()
            moved = _move_aside(data_dir, place) if occupied else None
            _put_in_place(staging, data_dir, place.name if place is not None else "")
    return Restored(manifest, moved)


def _place(database_url: str, data_dir: Path) -> Path | None:
    """Where the database's file belongs; None when a server has it. Raises ConfigurationError."""
    file = database_file(database_url)
    if file is not None and file.resolve().parent != data_dir:
        raise ConfigurationError(
            f"LLMOPS_DATABASE_URL names {str(file.resolve())!r}, and a backup is restored into {str(data_dir)!r} as "
            "a whole"
        )
    return file.resolve() if file is not None else None


def _is_occupied(data_dir: Path) -> bool:
    return data_dir.exists() and any(not path.name.startswith(_NO_CONTENT) for path in data_dir.iterdir())


def _parent_of_staging(data_dir: Path) -> Path:
    """A folder on the same disk; a data directory that cannot be exchanged takes its successor in."""
    data_dir.parent.mkdir(parents=True, exist_ok=True)
    return data_dir.parent if _can_be_exchanged(data_dir) else data_dir


def _extract(source: Path, staging: Path, on_progress: Progress | None) -> Manifest:
    """Write every file of the backup into `staging`, and compare all checksums."""
    total = source.stat().st_size
    sums: dict[str, str] = {}
    originals = done = 0

    def count(size: int) -> None:
        nonlocal done
        done += size
        if on_progress is not None:
            on_progress(done, total)

    try:
        with source.open("rb") as file, tarfile.open(fileobj=file, mode="r|", bufsize=BUFFER_BYTES) as tar:
            while (member := tar.next()) is not None:
                tar.members.clear()  # type: ignore[attr-defined]  # else memory would grow with the files
                require_acceptable(member)
                content = tar.extractfile(member)
                assert content is not None  # noqa: S101  # a plain file, as was just required
                sha256 = _write(content, staging / member.name, count)
                if "/" not in member.name:
                    sums[member.name] = sha256
                elif original_name(sha256) != member.name:
                    raise UnusableBackup(f"{member.name} is damaged: its checksum is {sha256}")
                else:
                    originals += 1
    except (tarfile.TarError, EOFError, FileExistsError) as error:
        raise UnusableBackup(f"{source.name} is not a whole backup: {error}") from None
    return _check_sums(staging, sums, originals)


def _write(content: IO[bytes], path: Path, count: Callable[[int], None]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    reader = HashingReader(content, count)
    with path.open("xb") as file:
        while data := reader.read():
            file.write(data)
    return reader.sha256()


def _check_sums(staging: Path, sums: dict[str, str], originals: int) -> Manifest:
    """Compare what was written, whose checksums are known, with the backup's own list; `originals` bear theirs."""
    manifest_path = staging / MANIFEST
    if not manifest_path.exists() or manifest_path.stat().st_size > _MAX_MANIFEST_BYTES:
        raise UnusableBackup("It has no manifest: it is no backup, or it was cut off")
    manifest = read_manifest(manifest_path.read_bytes())
    if sums.get(SUMS) != manifest.sums_sha256 or originals != manifest.originals or DATABASE not in sums:
        raise UnusableBackup("It does not hold what its manifest says")
    listed = 0
    with (staging / SUMS).open(encoding="ascii") as lines:
        for line in lines:
            sha256, _, name = line.rstrip("\n").partition("  ")
            found = sums.get(name) if "/" not in name else name.rpartition("/")[2]
            if found != sha256 or not (staging / name).is_file():
                raise UnusableBackup(f"{name} is not what the list of checksums says")
            listed += 1
    if listed != originals + len(sums) - len((SUMS, MANIFEST)):
        raise UnusableBackup("It holds more than its list of checksums")
    for name in (SUMS, MANIFEST):
        (staging / name).unlink()
    return manifest


def _check_knowledge_base(staging: Path, manifest: Manifest) -> None:
    with open_snapshot(f"sqlite:///{staging / DATABASE}") as snapshot:
        if (snapshot.count_documents(), snapshot.count_chunks()) != (manifest.documents, manifest.chunks):
            raise UnusableBackup("Its database does not hold what its manifest says")
        for sha256, _ in snapshot.originals():
            if not (staging / original_name(sha256)).is_file():
                raise UnusableBackup(f"The original {sha256} is missing")


def _hand_over(file: Path, take_threads: Callable[[Path], object]) -> None:
    take_threads(file)
    for path in file.parent.glob(f"{file.name}*"):
        path.unlink()


def _hand_over_originals(folder: Path, originals: Originals) -> None:
    for path in sorted(folder.glob("*/*")):
        with originals.staged(path.read_bytes(), path.name) as publish:
            publish()
    shutil.rmtree(folder, ignore_errors=True)


def _move_aside(data_dir: Path, database: Path | None) -> Path:
    """Make room, keeping what is there. Raises InvalidRequest: a server has the knowledge base open."""
    if database is not None and database.exists() and _is_open_elsewhere(database):
        raise InvalidRequest(f"{str(data_dir)!r} is in use: stop the server first")
    stamp = f"{datetime.now(UTC):%Y%m%dT%H%M%S}"
    if _can_be_exchanged(data_dir):
        aside = data_dir.with_name(f"{data_dir.name}.before-restore-{stamp}")
        data_dir.rename(aside)
        return aside
    aside = data_dir / f"before-restore-{stamp}"
    aside.mkdir()
    for path in data_dir.iterdir():
        if path != aside and not path.name.startswith((*_NO_CONTENT, "before-restore-")):
            path.rename(aside / path.name)
    return aside


def _is_open_elsewhere(database: Path) -> bool:
    """Whether another connection keeps the log from being given up; as a side effect it is in the database then."""
    with closing(sqlite3.connect(database, timeout=1)) as connection:
        try:
            connection.execute("PRAGMA journal_mode=DELETE").fetchall()
        except sqlite3.OperationalError:
            return True
        except sqlite3.DatabaseError:
            pass  # broken, which may be why it is to be replaced
    return False


def _put_in_place(staging: Path, data_dir: Path, database_name: str) -> None:
    """Where a rename cannot do it at once the database comes last: without it the rest means nothing."""
    if _can_be_exchanged(data_dir):
        staging.rename(data_dir)
        sync_directory(data_dir.parent)
        return
    for path in sorted(staging.iterdir(), key=lambda path: path.name == database_name):
        path.rename(data_dir / path.name)
    sync_directory(data_dir)


def _can_be_exchanged(data_dir: Path) -> bool:
    """Whether the folder itself can be renamed; a container's volume, for one, can not."""
    return not data_dir.is_mount() and os.access(data_dir.parent, os.W_OK)
