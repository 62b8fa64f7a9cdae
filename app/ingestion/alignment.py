"""Finds a span of the stored text of a page among the characters that the page draws.

The two differ: hyphens at line ends are mended, ligatures and shaped letters written out, white space rebuilt, and
where another reader was asked, whole columns may come in another order. Letters and digits in order are what both have.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

# So many letters and digits in a row count as the same place when the whole span does not stand on the page.
_SEED = 8
_MIN_SHARE = 0.5


@dataclass(frozen=True)
class Alignment:
    """`runs` are spans of the drawn characters; `share` is how much of the wanted letters and digits they show."""

    runs: tuple[tuple[int, int], ...] = ()
    share: float = 0.0


@dataclass(frozen=True)
class _Letters:
    """Letters and digits alone, without case and accents; `places[i]` is where the i-th stood."""

    text: str
    places: Sequence[int]


def align(stored: str, span: tuple[int, int], drawn: Sequence[str]) -> Alignment:
    """Where `stored[span]` stands in `drawn`, one character each; nothing if less than half of it is found."""
    letters, shown = _letters(stored), _letters(drawn)
    start, end = bisect_left(letters.places, span[0]), bisect_left(letters.places, span[1])
    wanted = letters.text[start:end]
    if not wanted:
        return Alignment()
    at = _occurrence(letters.text, start, wanted, shown.text)
    if at is not None:
        pieces = [(at, len(wanted))]
    else:
        pieces = _pieces(wanted, shown.text, near=start * len(shown.text) // len(letters.text))
    share = sum(length for _, length in pieces) / len(wanted)
    if share < _MIN_SHARE:
        return Alignment()
    runs = [(shown.places[at], shown.places[at + length - 1] + 1) for at, length in pieces]
    first, last = letters.places[start], letters.places[end - 1] + 1
    lead, trail = stored[span[0] : first], stored[last : span[1]]
    runs[0] = (runs[0][0] - _shared(lead[::-1], drawn[: runs[0][0]][::-1]), runs[0][1])
    runs[-1] = (runs[-1][0], runs[-1][1] + _shared(trail, drawn[runs[-1][1] :]))
    return Alignment(tuple(runs), share)


def _letters(characters: Sequence[str]) -> _Letters:
    folded = [(letter, place) for place, character in enumerate(characters) for letter in _fold(character)]
    return _Letters("".join(letter for letter, _ in folded), [place for _, place in folded])


@lru_cache(maxsize=4096)
def _fold(character: str) -> str:
    """Marks and signs fall away: they are neither letters nor digits."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", character).casefold()))


def _occurrence(text: str, start: int, wanted: str, shown: str) -> int | None:
    """The place in `shown` that has as many of the same before it as `start` has in `text`; else the last one."""
    if shown.startswith(wanted, start) and text[:start] == shown[:start]:
        return start
    at, found = shown.find(wanted), None
    before = text.find(wanted)
    while at >= 0:
        found = at
        if before >= start:
            break
        before = text.find(wanted, before + 1)
        at = shown.find(wanted, at + 1)
    return found


def _pieces(wanted: str, shown: str, *, near: int) -> list[tuple[int, int]]:
    """Parts of `wanted` as (place in `shown`, length), each the nearest to the end of the one before it."""
    seed = min(_SEED, len(wanted))
    seeds: defaultdict[str, list[int]] = defaultdict(list)
    for at in range(len(shown) - seed + 1):
        seeds[shown[at : at + seed]].append(at)
    pieces: list[tuple[int, int]] = []
    place = 0
    while place + seed <= len(wanted):
        candidates = seeds.get(wanted[place : place + seed])
        if candidates is None:
            place += 1
            continue
        at = _nearest(candidates, near)
        length = _shared(wanted[place:], shown[at:])
        pieces.append((at, length))
        place += length
        near = at + length
    return pieces


def _nearest(places: Sequence[int], near: int) -> int:
    index = bisect_left(places, near)
    return min(places[max(0, index - 1) : index + 1], key=lambda place: abs(place - near))


def _shared(one: Sequence[str], other: Sequence[str]) -> int:
    """How many characters both begin with."""
    length = 0
    for length, (here, there) in enumerate(zip(one, other, strict=False), start=1):
        if here != there:
            return length - 1
    return length
