"""The paragraph of a document in which a quote stands."""

from __future__ import annotations

import re
from typing import NamedTuple

_BREAK = re.compile(r"\n[ \t]*\n")
_CONTEXT = 600  # characters on each side, where a paragraph has no end
SURROUNDINGS = _CONTEXT + 1
"""So many characters on each side of a span are all that `quote_in_paragraph` looks at."""


class Quotation(NamedTuple):
    before: str
    quote: str
    after: str


def quote_in_paragraph(text: str, start: int, end: int) -> Quotation | None:
    """The span with what stands around it in its paragraph; none when the text ends before it."""
    if not 0 <= start < end <= len(text):
        return None
    first, last = max(start - _CONTEXT, 0), min(end + _CONTEXT, len(text))
    before, after = text[first:start], text[end:last]
    breaks = [found.end() for found in _BREAK.finditer(before)]
    if breaks:
        before = before[breaks[-1] :]
    elif first:
        before = f"… {before.split(maxsplit=1)[-1] if before.strip() else ''}"
    if found := _BREAK.search(after):
        after = after[: found.start()]
    elif last < len(text):
        after = f"{after.rsplit(maxsplit=1)[0] if after.strip() else ''} …"
    return Quotation(before.lstrip("\n"), text[start:end], after.rstrip())
