"""Finds the lines that a document repeats at the edges of its pages: titles, page numbers, "Table of Contents"."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

Span = tuple[int, int]

_EDGE_LINES = 2
_MIN_PAGES = 4
_MIN_SHARE = 0.5
_LINE = re.compile(r"\S[^\n]*")
_NUMBER_AT_START = re.compile(r"\A\W*+\d++\W*+")


def body_spans(text: str, page_spans: Sequence[Span]) -> list[Span]:
    """The spans of the pages without running headers and footers.

    A line runs when it is among the first or last two of at least half of the pages and of four of them, whatever
    number stands at its beginning or end. A page that consists of such lines alone is left as it is.
    """
    lines = [[match.span() for match in _LINE.finditer(text, *span)] for span in page_spans]
    heads = _running(text, [page[:_EDGE_LINES] for page in lines])
    feet = _running(text, [page[-_EDGE_LINES:] for page in lines])
    return [_trim(text, span, page, heads, feet) for span, page in zip(page_spans, lines, strict=True)]


def _running(text: str, edges: Sequence[Sequence[Span]]) -> set[str]:
    pages = Counter(form for edge in edges for form in {_form(text, line) for line in edge})
    enough = max(_MIN_PAGES, _MIN_SHARE * len(edges))
    return {form for form, count in pages.items() if count >= enough}


def _form(text: str, line: Span) -> str:
    words = " ".join(text[slice(*line)].split()).casefold()
    for _ in range(2):  # the second time backwards: a search for the end would try every place in the line
        words = _NUMBER_AT_START.sub("#", words)[::-1]
    return words


def _trim(text: str, span: Span, lines: Sequence[Span], heads: set[str], feet: set[str]) -> Span:
    first, last = 0, len(lines)
    while first < min(_EDGE_LINES, last) and _form(text, lines[first]) in heads:
        first += 1
    while last > max(first, len(lines) - _EDGE_LINES) and _form(text, lines[last - 1]) in feet:
        last -= 1
    return (lines[first][0], lines[last - 1][1]) if first < last else span
