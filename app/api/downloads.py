"""Files that people uploaded, handed back: always as a download, never rendered on this origin."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import BinaryIO
from urllib.parse import quote

_CHUNK_BYTES = 1 << 18
# What may stand in a quoted string of any old client: no quote, no backslash, no percent sign, nothing invisible.
_UNSAFE = re.compile(r"[^ !#$&\'()+,\-.0-9;=@A-Z\[\]^_`a-z{}~]")
# RFC 8187, attr-char, without those that `quote` lets pass anyway.
_ATTRIBUTE_CHARACTERS = "!#$&+-.^_`|~"


def attachment(name: str) -> str:
    """The `Content-Disposition` of a download with this name (RFC 6266), in ASCII and, where needed, in full."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    plain = _UNSAFE.sub("_", plain).strip()
    if not plain.strip(".") or plain.startswith("."):
        plain = f"document{plain.rstrip('.')}"
    disposition = f'attachment; filename="{plain}"'
    if plain != name:
        disposition += f"; filename*=UTF-8''{quote(name, safe=_ATTRIBUTE_CHARACTERS, errors='replace')}"
    return disposition


def in_chunks(file: BinaryIO) -> Iterator[bytes]:
    """The rest of a file, which is closed at the end; a deletion meanwhile does not cut it short."""
    with file:
        while chunk := file.read(_CHUNK_BYTES):
            yield chunk
