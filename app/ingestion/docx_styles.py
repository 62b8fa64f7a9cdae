"""Styles and numberings of a Word document: which paragraphs are headings, and the numbers that Word only draws."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_HEADING_NAME = re.compile(r"(?:heading ?[1-9]|title)", re.IGNORECASE)
_BODY_LEVEL = 9
_MAX_INHERITANCE = 20
_MAX_LEVEL = 8
_PLACE = re.compile(r"%([1-9])")
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"))
_ROMAN_ONES = ((10, "x"), (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))


@dataclass
class ParagraphFormat:
    """What a paragraph or its style says; None where it leaves that to the style it is based on."""

    style: str | None = None
    outline_level: int | None = None
    numbering: str | None = None
    level: int | None = None

    def note(self, name: str, value: str) -> None:
        """Take in one property by the name of its element."""
        if name in ("pStyle", "basedOn"):
            self.style = value
        elif name == "outlineLvl":
            self.outline_level = _small(value)
        elif name == "numId":
            self.numbering = value
        elif name == "ilvl":
            self.level = min(_small(value), _MAX_LEVEL)


class Styles:
    """Listens to `styles.xml`."""

    def __init__(self) -> None:
        self._styles: dict[str, ParagraphFormat] = {}
        self._names: dict[str, str] = {}
        self._current = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "style":
            self._current = attributes.get("styleId", "")
            self._styles[self._current] = ParagraphFormat()
        elif self._current:
            value = attributes.get("val", "")
            if name == "name":
                self._names[self._current] = value
            self._styles[self._current].note(name, value)

    def end(self, name: str) -> None:
        if name == "style":
            self._current = ""

    def data(self, text: str) -> None:
        """Nothing in it is text of the document."""

    def is_heading(self, paragraph: ParagraphFormat) -> bool:
        for one in self._with_bases(paragraph):
            if one.outline_level is not None:
                return one.outline_level < _BODY_LEVEL
            if one.style and _HEADING_NAME.fullmatch(self._names.get(one.style, one.style)):
                return True
        return False

    def numbering_of(self, paragraph: ParagraphFormat) -> tuple[str | None, int]:
        """The numbering's id and the level in it, from 0; an id of "0" takes a numbering away."""
        numbering = level = None
        for one in self._with_bases(paragraph):
            numbering = one.numbering if numbering is None else numbering
            level = one.level if level is None else level
        return (None if numbering == "0" else numbering), level or 0

    def _with_bases(self, paragraph: ParagraphFormat) -> Iterator[ParagraphFormat]:
        one: ParagraphFormat | None = paragraph
        for _ in range(_MAX_INHERITANCE):
            if one is None:
                return
            yield one
            one = self._styles.get(one.style) if one.style else None


@dataclass
class _Level:
    kind: str = "decimal"
    template: str = ""
    first: int = 1


@dataclass
class _List:
    levels: dict[int, _Level] = field(default_factory=dict)
    counts: dict[int, int] = field(default_factory=dict)


class Numberings:
    """Listens to `numbering.xml`, then counts: `marker` must be asked once for each paragraph, in their order."""

    def __init__(self) -> None:
        self._abstract: dict[str, _List] = {}
        self._lists: dict[str, _List] = {}
        self._restarts: dict[tuple[str, int], int] = {}
        self._current: _List | None = None
        self._level = 0
        self._number = ""

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        value = attributes.get("val", "")
        if name == "abstractNum":
            self._current = self._abstract[attributes.get("abstractNumId", "")] = _List()
        elif name == "num":
            self._current, self._number = None, attributes.get("numId", "")
        elif name == "abstractNumId":
            self._lists[self._number] = self._abstract.get(value, _List())
        elif name in ("lvl", "lvlOverride"):
            self._level = _small(attributes.get("ilvl", "0"))
            if self._current is not None:
                self._current.levels[self._level] = _Level()
        elif name == "startOverride":
            self._restarts[self._number, self._level] = _small(value)
        elif self._current is not None and self._level in self._current.levels:
            _note_level(self._current.levels[self._level], name, value)

    def end(self, name: str) -> None:
        """Elements are told apart by what they hold."""

    def data(self, text: str) -> None:
        """Nothing in it is text of the document."""

    def marker(self, numbering: str, level: int) -> str:
        """`-` for a bullet, else the number as Word draws it, such as `7.3.2` or `(a)`; may be empty."""
        one = self._lists.get(numbering)
        style = one.levels.get(level) if one else None
        if one is None or style is None:
            return "-"
        restart = self._restarts.pop((numbering, level), None)
        before = one.counts.get(level, style.first - 1) if restart is None else restart - 1
        one.counts = {at: count for at, count in one.counts.items() if at < level} | {level: before + 1}
        if style.kind in ("bullet", "none"):
            return "-" if style.kind == "bullet" else ""
        return _PLACE.sub(lambda place: _drawn(one, int(place[1]) - 1), style.template).strip()


def _note_level(level: _Level, name: str, value: str) -> None:
    if name == "numFmt":
        level.kind = value
    elif name == "lvlText":
        level.template = value
    elif name == "start":
        level.first = _small(value)


def _drawn(one: _List, level: int) -> str:
    style = one.levels.get(level, _Level())
    number = one.counts.get(level, style.first)
    if style.kind in ("lowerLetter", "upperLetter") and number > 0:
        letters = chr(ord("a") + (number - 1) % 26) * min(1 + (number - 1) // 26, 10)
        return letters.upper() if style.kind == "upperLetter" else letters
    if style.kind in ("lowerRoman", "upperRoman") and 0 < number < 4000:
        return _roman(number).upper() if style.kind == "upperRoman" else _roman(number)
    return str(number)


def _roman(number: int) -> str:
    drawn = ""
    for value, letters in _ROMAN + _ROMAN_ONES:
        drawn += letters * (number // value)
        number %= value
    return drawn


def _small(value: str) -> int:
    return int(value) if re.fullmatch(r"[0-9]{1,6}", value) else 0
