"""Takes out of an answer what would lead its reader, or the reader's browser, somewhere that no source names.

A document can make a model write a link or an image whose address carries away what was asked. An address that stands
in a source stays as plain text; images and HTML never stay.
"""

from __future__ import annotations

import re

REMOVED = "(link removed)"

SCHEMES = r"(?:https?|ftp|file|mailto|javascript|data|vbscript)"
ADDRESS_START = rf"(?:\b{SCHEMES}:|(?<![a-z])https?://|(?<![^\W_])www\.|(?<![:\w/])//)"
"""Viewers of Markdown see an address behind every letter that is none of a scheme, and `www` behind an underscore."""
_IMAGE = re.compile(
    r"!\[([^\[\]\n]{0,500})\]\([^()\n]{0,4000}\)?"
    r"|!\[(?!\d+\]\[\d+\])([^\[\]\n]{0,500})\]\[[^\[\]\n]{0,200}\]"  # "It is due![1][2]" has no image
)
_LINK = re.compile(
    rf"\[([^\[\]\n]{{0,500}})\]\([ \t]{{0,3}}<?((?:{SCHEMES}:|//|www\.)[^\s()<>]{{0,4000}}"
    r"(?:\([^\s()<>]{0,200}\))?)[^()\n]{0,500}\)",
    re.IGNORECASE,
)
_HTML = re.compile(
    r"</?(?:a|img|image|iframe|script|svg|object|embed|video|audio|source|link|style|form|meta|base)\b[^<>]{0,4000}>?",
    re.IGNORECASE,
)
_ADDRESS = re.compile(rf"{ADDRESS_START}/{{0,2}}[^\s<>()\[\]\"'`]{{2,4000}}", re.IGNORECASE)
_END = ".,;:!?*_"


def remove_outside_links(text: str, sources: str) -> str:
    """The text with addresses that stand in `sources` as they are, and the others removed."""

    def keep_known(found: re.Match[str]) -> str:
        address = found.group().rstrip(_END)
        return found.group() if address in sources else REMOVED + found.group()[len(address) :]

    def unlink(found: re.Match[str]) -> str:
        label, address = found[1], found[2]
        return f"{label} ({address})" if address in sources and address != label else label

    text = _IMAGE.sub(lambda found: found[1] or found[2] or "", text)
    return _ADDRESS.sub(keep_known, _LINK.sub(unlink, _HTML.sub("", text)))
