"""The form of a backup: a tar file with the databases and the originals, their checksums, and a manifest as the last.

    originals/<first two digits>/<sha256>    the files that people uploaded
    llmops.db, threads.db                    documents and vectors; conversations
    SHA256SUMS                               one line for each file above, as `sha256sum -c` reads them
    manifest.json                            `Manifest`; it ends the file, so one that was cut off has none

Nothing else is accepted from a backup: no other name, no link, no second file of a name.
"""

from __future__ import annotations

import hashlib
import json
import re
import tarfile
from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import IO, Final

from app.errors import UnusableBackup

FORMAT: Final = 1
DATABASE: Final = "llmops.db"
THREADS: Final = "threads.db"
SUMS: Final = "SHA256SUMS"
MANIFEST: Final = "manifest.json"
BUFFER_BYTES: Final = 1 << 20
_NAME: Final = re.compile(
    r"llmops\.db|threads\.db|SHA256SUMS|manifest\.json|originals/(?P<start>[0-9a-f]{2})/(?P=start)[0-9a-f]{62}"
)


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself; `sums_sha256` is the checksum of the list of checksums."""

    format: int
    version: str
    schema_revision: str
    created_at: str
    embedding_model: str | None
    documents: int
    chunks: int
    originals: int
    threads: int
    sums_sha256: str

    def to_json(self) -> bytes:
        return json.dumps(asdict(self), indent=2).encode()


def read_manifest(data: bytes) -> Manifest:
    """Raises UnusableBackup: this is no manifest, or one of a later version."""
    try:
        found = json.loads(data)
        manifest = Manifest(**{field.name: found[field.name] for field in fields(Manifest)})
    except (ValueError, TypeError, KeyError):
        raise UnusableBackup("Its manifest cannot be read") from None
    if manifest.format != FORMAT:
        raise UnusableBackup(f"Its format is {manifest.format!r}, and this version reads {FORMAT}")
    return manifest


def original_name(sha256: str) -> str:
    return f"originals/{sha256[:2]}/{sha256}"


def require_acceptable(member: tarfile.TarInfo) -> None:
    """Raises UnusableBackup: no backup holds something of this name or kind."""
    if not _NAME.fullmatch(member.name) or not member.isreg() or member.issparse():
        raise UnusableBackup(f"It holds {member.name!r}, which is no part of a backup")


class HashingReader:
    """Reads on from `source`, hashes what goes by and tells `on_bytes` how much it was."""

    def __init__(self, source: IO[bytes], on_bytes: Callable[[int], None]) -> None:
        self._source = source
        self._on_bytes = on_bytes
        self._digest = hashlib.sha256()

    def read(self, size: int = BUFFER_BYTES) -> bytes:
        data = self._source.read(size)
        self._digest.update(data)
        self._on_bytes(len(data))
        return data

    def sha256(self) -> str:
        return self._digest.hexdigest()


class ArchiveWriter:
    """Streams files into a tar and their checksums into `sums`; memory does not grow with either."""

    def __init__(
        self, tar: tarfile.TarFile, sums: IO[bytes], created_s: float, on_bytes: Callable[[int], None]
    ) -> None:
        self._tar = tar
        self._sums = sums
        self._created_s = created_s
        self._on_bytes = on_bytes

    def add(self, name: str, source: IO[bytes], size: int) -> str:
        """Take in a file and tell its checksum. Raises OSError when it is shorter than `size`."""
        member = tarfile.TarInfo(name)
        member.size, member.mode, member.mtime = size, 0o600, int(self._created_s)
        reader = HashingReader(source, self._on_bytes)
        self._tar.addfile(member, reader)
        self._tar.members.clear()  # type: ignore[attr-defined]  # kept for a table of contents that nobody asks for
        if name not in (SUMS, MANIFEST):
            self._sums.write(f"{reader.sha256()}  {name}\n".encode())
        return reader.sha256()
