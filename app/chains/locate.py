"""Finds a quotation although white space, hyphens, ligatures, quotation marks or brackets differ in the text."""

from __future__ import annotations

import unicodedata

_ALIKE = (
    dict.fromkeys("‘’‚`", "'")
    | dict.fromkeys("“”„«»", '"')
    | dict.fromkeys("[【［", "(")
    | dict.fromkeys("]】］", ")")
)
"""The brackets because what a model reads and a demo answer quotes has round ones for square ones."""
_HYPHENS = frozenset("-\u00ad\u2010\u2011\u2012\u2013\u2014\u2212")


def locate(quote: str, text: str) -> tuple[int, int] | None:
    """Span of `quote` in `text`, literally or else after folding; None when it is not there."""
    at = text.find(quote)
    if at >= 0 and quote:
        return at, at + len(quote)
    needle, _ = _fold(quote)
    if not needle:
        return None
    haystack, positions = _fold(text)
    at = haystack.find(needle)
    if at < 0:
        return None
    return positions[at], positions[at + len(needle) - 1] + 1


def _fold(text: str) -> tuple[str, list[int]]:
    """Folded text and, for each of its characters, the position it came from.

    All white space and all hyphens go: only so do a hyphen of the line break and one of the word agree.
    """
    folded: list[str] = []
    positions: list[int] = []
    for position, character in enumerate(text):
        if character.isspace() or character in _HYPHENS:
            continue
        plain = unicodedata.normalize("NFKC", _ALIKE.get(character, character)).casefold()
        folded.append(plain)
        positions += [position] * len(plain)
    return "".join(folded), positions
