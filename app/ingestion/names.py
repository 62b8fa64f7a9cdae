"""What clients call their files, made fit to show; it is never used as a path."""

from __future__ import annotations

import re
import unicodedata

MAX_NAME_CHARS = 255
_UNNAMED = "unnamed"
_LOOKED_AT_CHARS = (
    2_000  # at the beginning and the end of a name; to normalise a run of accents takes quadratic time
)
# Control and format characters, line separators, lone surrogates, private and unassigned ones.
_UNSHOWABLE_CATEGORIES = frozenset({"Cc", "Cf", "Zl", "Zp", "Cs", "Co", "Cn"})


def display_name(name: str) -> str:
    """The name's last part in NFC, without invisible characters, cut to 255 characters before its extension."""
    last = re.split(r"[/\\]", name)[-1]
    if len(last) > 2 * _LOOKED_AT_CHARS:
        last = last[:_LOOKED_AT_CHARS] + last[-_LOOKED_AT_CHARS:]
    shown = "".join(
        c for c in unicodedata.normalize("NFC", last) if unicodedata.category(c) not in _UNSHOWABLE_CATEGORIES
    )
    shown = " ".join(shown.split())
    if not shown.strip("."):
        return _UNNAMED
    if len(shown) <= MAX_NAME_CHARS:
        return shown
    stem, dot, extension = shown.rpartition(".")
    tail = dot + extension if 0 < len(extension) <= 10 else ""
    return (stem if tail else shown)[: MAX_NAME_CHARS - len(tail)] + tail
