"""What a model's markers mean: a source, as in `[2]`, or the words of it that it names, as in `[2: "three months"]`."""

from __future__ import annotations

import re
from dataclasses import replace

from app.chains.locate import locate
from app.chains.markers import marker_positions, normalise_markers, renumber, replace_outside_code
from app.chains.records import Evidence, Quote
from app.knowledge.records import Hit
from app.models.sentences import split_sentences

_MAX_CHARS = 600
_NAMED = re.compile(
    rf"\[\s{{0,3}}(\d{{1,6}})\s{{0,3}}[:,]?\s{{0,3}}[\"“„«]"
    rf"((?:(?![\"“”»]\s{{0,3}}\])[^\n]){{1,{_MAX_CHARS}}})[\"“”»]\s{{0,3}}\]"
)
_CUT_OFF = re.compile(rf"\[(\d{{1,6}})\s{{0,3}}[:,]?\s{{0,3}}[\"“„«][^\n\]]{{0,{_MAX_CHARS}}}\Z")
"""The answer's last marker, where the model has reached its limit in the middle of it."""
_ELLIPSIS = re.compile(r"\s*(?:\.\.\.|…)\s*")
_MAX_GAP = 600
_MAX_SENTENCES_CHARS = 500
_FIRST_NAMED = 900_000
"""Far from what a model may make up: its `[7]` is the seventh source, or nothing."""
_NOBODYS = "[0]"

_Span = tuple[int, int]


class SourceMarkers:
    """Numbers what a model cites, sources and the sentences that it names of them, as they come up: 1, 2, 3, …

    A text may come in pieces that cut no marker; their markers then have the numbers that those of the whole text have.
    """

    def __init__(self, evidence: Evidence) -> None:
        self._evidence = evidence
        self._named: dict[tuple[int, _Span | str], int] = {}
        self._meant = {
            number: Quote(number, hit.chunk, hit.score) for number, hit in enumerate(evidence, start=1)
        }
        self._numbers: dict[int, int] = {}

    @property
    def quotes(self) -> tuple[Quote, ...]:
        """What the markers mean that have come up."""
        return tuple(
            replace(self._meant[written], marker=marker) for written, marker in self._numbers.items()
        )

    def rewrite(self, text: str) -> str:
        """The text with markers `[n]` of `quotes`; those that mean nothing are removed."""
        plain = replace_outside_code(_NAMED, self._name, text)
        plain = replace_outside_code(_CUT_OFF, r"[\1]", plain)
        plain = normalise_markers(plain, self._meant.keys())
        for written, _ in marker_positions(plain):
            self._numbers.setdefault(written, len(self._numbers) + 1)
        return renumber(plain, self._numbers)

    def _name(self, found: re.Match[str]) -> str:
        """A marker for the words: of the place where they stand, or a doubtful one of the source that was given."""
        place = _find(found[2], int(found[1]), self._evidence)
        if place is None:
            return _NOBODYS
        number, span = place
        marker = self._named.setdefault((number, span or found[2]), _FIRST_NAMED + len(self._named))
        if marker not in self._meant:
            self._meant[marker] = _quote(marker, self._evidence[number - 1], span)
        return f"[{marker}]"


def _find(words: str, number: int, evidence: Evidence) -> tuple[int, _Span | None] | None:
    """The source and its span that hold the words: the one that was given or, where it does not, another."""
    is_given = 1 <= number <= len(evidence)
    others = (other for other in range(1, len(evidence) + 1) if other != number)
    for candidate in ([number] if is_given else []) + list(others):
        span = _locate(words, evidence[candidate - 1].chunk.text)
        if span is not None:
            return candidate, span
    return (number, None) if is_given else None


def _locate(words: str, text: str) -> _Span | None:
    """Where the words stand, of which the model may have left out some in the middle."""
    pieces = [piece for piece in _ELLIPSIS.split(words) if piece]
    found: list[_Span] = []
    for piece in pieces:
        begin = found[-1][1] if found else 0
        span = locate(piece, text[begin : begin + _MAX_GAP + len(piece)] if found else text)
        if span is None:
            return None
        found.append((begin + span[0], begin + span[1]))
    return _whole_sentences((found[0][0], found[-1][1]), text) if found else None


def _whole_sentences(span: _Span, text: str) -> _Span:
    """The sentences in which the words stand, unless they are long: a reader wants to see what is said."""
    touched = [other for other in split_sentences(text) if other[0] < span[1] and span[0] < other[1]]
    if not touched:
        return span
    whole = min(span[0], touched[0][0]), max(span[1], touched[-1][1])
    return whole if whole[1] - whole[0] <= _MAX_SENTENCES_CHARS else span


def _quote(marker: int, hit: Hit, span: _Span | None) -> Quote:
    if span is None:
        return Quote(marker, hit.chunk, hit.score, is_doubtful=True)
    return Quote(marker, hit.chunk, hit.score, hit.chunk.text[slice(*span)])
