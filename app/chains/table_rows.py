"""Puts the row of a table in words: each value behind the name of its column, where the head of the table tells it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import takewhile

from app.chains.markers import quote_plainly

_MOST_CHARS = 300
_MOST_LINES = 60
"""Rows between a row and its head."""
_CAPTION_WORDS = 6
_RULE = re.compile(r"[\s|:+=-]*-[\s|:+=-]*")
_PERIOD = r"(?:(?:FY|H[12]|Q[1-4])[ /]?)?(?:19|20)\d\d(?:/\d\d)?"
_HEAD = re.compile(rf"(?P<corner>[^\d\n]*?) ?(?P<columns>{_PERIOD}(?: (?:{_PERIOD}|[^\W\d_]+))+)")
_COLUMN = re.compile(rf"{_PERIOD}|[^\W\d_]+")
_LABEL = r"[^\W\d_].*?(?:[^\W\d_]|[^\d]\))"
_VALUE = r"(?:[€$£(+−–-]*\d[\d.,]*\)?(?: ?%| points?)?|[–—-])"
_ANY_ROW = re.compile(rf"[^\W\d_].* {_VALUE}")
_MONEY = r"(?:[€$£%]|\b(?:EUR|USD|GBP|thousands?|millions?|billions?)\b)"
_UNIT = re.compile(rf"(?:\(|^)(?P<unit>(?:in )?{_MONEY}[^()]*)(?:\)|$)")


@dataclass(frozen=True)
class _Head:
    """The names of the columns, and what all figures are counted in, if the corner above the labels says so."""

    columns: Sequence[str]
    unit: str


def say_row(text: str, start: int, end: int) -> str | None:
    """The row `text[start:end]` as "Revenue (€ million) – 2025: 84.6; 2024: 76.2"; None of anything else.

    All its words and figures stand in the text: in the row, or in the head above it.
    """
    row = text[start:end]
    if end - start > _MOST_CHARS or "\n" in row:
        return None
    above = text[:start].splitlines()[-_MOST_LINES:]
    said = _say_cells(row, above) if row.count("|") > 1 else _say_figures(row, above)
    return None if said is None else quote_plainly(said)


def _say_cells(row: str, above: Sequence[str]) -> str | None:
    """Of a table with lines between its cells, as Markdown has it: its head stands above a line of dashes."""
    table = list(takewhile(lambda line: "|" in line, reversed(above)))
    rule = next((at for at, line in enumerate(table) if _RULE.fullmatch(line)), len(table))
    head = _cells(table[rule + 1]) if rule + 1 < len(table) else []
    label, *values = _cells(row)
    return _say(label, head[1:], values) if label and len(head) == len(values) + 1 else None


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().removeprefix("|").removesuffix("|").split("|")]


def _say_figures(row: str, above: Sequence[str]) -> str | None:
    """Of a table that a PDF has: words and figures, below a line that names years."""
    head = _nearest_head(above)
    if head is None or _HEAD.fullmatch(row):
        return None
    found = re.fullmatch(rf"(?P<label>{_LABEL})(?P<values>(?: {_VALUE}){{{len(head.columns)}}})", row)
    if found is None:
        return None
    label, values = found["label"], re.findall(f" ({_VALUE})", found["values"])
    return _say(f"{label} ({head.unit})" if head.unit and "(" not in label else label, head.columns, values)


def _nearest_head(above: Sequence[str]) -> _Head | None:
    """None where something else than rows and short captions stands in between."""
    for line in map(str.strip, reversed(above)):
        if len(line) > _MOST_CHARS:
            return None
        if found := _HEAD.fullmatch(line):
            unit = _UNIT.search(found["corner"])
            return _Head(_COLUMN.findall(found["columns"]), unit["unit"] if unit else "")
        is_caption = line[-1:].isalpha() and len(line.split()) <= _CAPTION_WORDS
        if not is_caption and not _ANY_ROW.fullmatch(line):
            return None
    return None


def _say(label: str, columns: Sequence[str], values: Sequence[str]) -> str | None:
    told = [(column, value) for column, value in zip(columns, values, strict=True) if value]
    if not told or not all(column for column, _ in told):
        return None
    return f"{label} – " + "; ".join(f"{column}: {value}" for column, value in told)
