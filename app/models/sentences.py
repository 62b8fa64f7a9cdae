"""Cuts text into sentences with exact spans: prose, hard-wrapped PDF lines, lists, headings, table rows."""

from __future__ import annotations

import re
from collections.abc import Iterator

Span = tuple[int, int]

MAX_SENTENCE_CHARS = 600
"""Text without punctuation, as tables and extracted forms have, is cut here at the latest."""
_MAX_RECORD_CHARS = 2_000

# Never the end of a sentence: titles and what stands before a name or number.
_OPEN_ABBREVIATIONS = frozenset(
    "mr mrs ms dr prof rev hon gen col lt sgt capt gov sen rep pres st mt ft no nos nr fig figs eq"
    " eqs sec ch vol pp p art cf vs v eg e.g ie i.e viz approx est ca al dept jan feb mar apr jun jul"
    " aug sep sept oct nov dec bzw z.b d.h u.a vgl abs sr sra núm".split()
)
_AMBIGUOUS = frozenset({"no", "art", "mar", "est"})
# May end one: then only a word that usually begins a sentence tells.
_CLOSE_ABBREVIATIONS = frozenset(
    "inc corp co ltd llc plc etc jr a.m p.m b.c a.d ph.d d.c u.s u.k e.u u.n".split()
)
_STARTERS = frozenset(
    "the this that these those it its he she they we you i in on at as by for from to of a an and but"
    " or if when while there their his her our after before during since although however under over"
    " both all each most some many no according what which who how".split()
)
_NUMBERED_HEADINGS = frozenset("item note part section chapter table figure article appendix".split())
# Tried at the beginning of a run of marks only: from each of its marks the end would be sought anew.
_TERMINATOR = re.compile(r"(?:(?<![.!?…؟।])[.!?…؟।]++[\"'”’»)\]]*+(?=\s|$|\[\d)|[。！？]++[」』”’）]*+)")
_LAST_WORD = re.compile(r"([\w.&-]{1,24})\.$")
_LAST_WORDS_CHARS = 64  # holds a last word and, of a numbered heading, the word before it
_NEXT_WORD = re.compile(r"\s*+[\"'“‘«(\[]*+([^\W_]{1,24})")
_LIST_ITEM = re.compile(r"(?:[•·▪◦●■☐☒–—*-]|\(?(?:\d{1,3}|[a-z]|[ivx]{1,4})[.)])\s", re.IGNORECASE)
_NUMERIC = re.compile(r"[($€£+−-]*\d[\d,.]*[%)]*$|[$€£—–-]$")
_FIELD = re.compile(r"[^\s:]+: \S")
_FIGURE = re.compile(r"[($€£+−–-]*\d(?:[\d,.]*\d)?[%)]*$|[$€£%—–-]$")
_HEADING_CHARS = 70
_SHORT_WORDS = 8
_ROW_CELLS = 3  # a table that was read cell by cell has seldom more figures to a row


def split_sentences(text: str) -> list[Span]:
    """Spans of the sentences in reading order, without the white space around them; they never overlap."""
    spans: list[Span] = []
    for start, end in _blocks(text):
        if is_record(text[start:end]) and end - start <= _MAX_RECORD_CHARS:
            spans.append((start, end))
            continue
        for piece in _cut_at_terminators(text, start, end):
            spans.extend(_cut_overlong(text, *piece))
    return [span for start, end in spans if (span := _trim(text, start, end)) is not None]


def is_table_row(line: str) -> bool:
    """Whether numbers or cell borders dominate a line, as in the statements of a financial report."""
    tokens = line.split()
    if line.count("|") >= 2 or line.count("\t") >= 2:
        return True
    numbers = sum(1 for token in tokens if _NUMERIC.match(token))
    return numbers >= 2 and numbers * 3 >= len(tokens)


def row_label(row: str) -> str:
    """What the numbers of a table row are, without its unit: "Revenue" of "Revenue (€ million) 84.6 76.2 %"."""
    words = re.sub(r"\([^()]*\)", " ", row).split()
    return " ".join(word for word in words if any(map(str.isalpha, word)))


def is_figures(text: str) -> bool:
    """Whether a text holds numbers and nothing else; one that ends a sentence, as "2026.", is not meant."""
    tokens = text.split()
    return any(token[-1].isdigit() or len(token) > 1 for token in tokens) and all(map(_FIGURE.match, tokens))


def is_chart(block: str) -> bool:
    """Whether a block is the labels of a chart: figures alone, or a caption and then more of them than a row has."""
    lines = block.strip().splitlines()
    captions = [line for line in lines if not is_figures(line)]
    if len(captions) == len(lines) or not is_figures(lines[-1]):
        return False
    return not captions or len(lines) - len(captions) > _ROW_CELLS


def is_record(block: str) -> bool:
    """Whether all lines are a name and its value, as JSON is written for reading: none says much without the others."""
    lines = block.strip().splitlines()
    return len(lines) > 1 and all(_FIELD.match(line) for line in lines)


def _blocks(text: str) -> Iterator[Span]:
    """Runs of lines that read as one paragraph; table rows, list items and headings stand alone."""
    start = position = 0
    previous, was_row = "", False
    for line in text.splitlines(keepends=True):
        stripped = line.strip()
        is_row = is_table_row(stripped)
        if previous and _breaks_between(previous, stripped, beside_row=was_row or is_row):
            yield start, position
            start = position
        position += len(line)
        previous, was_row = stripped, is_row
        if not stripped:
            yield start, position
            start = position
    if start < len(text):
        yield start, len(text)


def _breaks_between(above: str, below: str, *, beside_row: bool) -> bool:
    if below and (above.startswith("#") or below.startswith("#") or _LIST_ITEM.match(below)):
        return True
    if not below or beside_row:
        return below != ""
    if is_figures(above) and not is_figures(below):  # the axis of a chart; the caption stays with its numbers
        return not below[0].islower()
    if below[0].islower() or above[-1] in ".,;:!?-–—(" or len(above) > _HEADING_CHARS:
        return False
    if above[-1].isdigit() and above[0].isupper() and below[0].isupper() and _is_short(above):
        return True  # "Heron 4" above its description, "Chair 2021" in a table of names and years
    return not above[-1].isdigit() and (len(above) * 1.5 < len(below) or _is_short_row(below))


def _is_short(line: str) -> bool:
    return len(line.split()) <= _SHORT_WORDS


def _is_short_row(line: str) -> bool:
    """A name with its figure behind: "Ruth Holm Chair 2021"; no sentence ends with a number and without a stop."""
    return line[0].isupper() and line[-1].isdigit() and _is_short(line)


def _cut_at_terminators(text: str, start: int, end: int) -> Iterator[Span]:
    begin = start
    for match in _TERMINATOR.finditer(text, start, end):
        if _ends_sentence(text, begin, match, end):
            yield begin, match.end()
            begin = match.end()
    yield begin, end


def _ends_sentence(text: str, begin: int, match: re.Match[str], end: int) -> bool:
    mark = match.group()
    following = _NEXT_WORD.match(text, match.end(), end)
    if following is None or mark[0] in "。！？।؟":
        return True
    next_word = following.group(1)
    if text[
        match.start() - 1 : match.start()
    ].isspace():  # a full stop set off by a blank, as old abstracts have
        return True
    if next_word[0].islower():
        return False
    is_single_stop = mark.rstrip("\"'”’»)]") == "."
    if not is_single_stop:
        return True
    stop = match.start() + 1
    return not _is_abbreviation(text[max(begin, stop - _LAST_WORDS_CHARS) : stop], next_word)


def _is_abbreviation(sentence: str, next_word: str) -> bool:
    """Whether the full stop at the end of `sentence`, or of its last words, belongs to a word and it goes on."""
    last = _LAST_WORD.search(sentence)
    word = last.group(1) if last else ""
    bare = word.lower().strip(".")
    if word.isdigit():  # "2." and "Item 2." open a line
        before = sentence[: -len(word) - 1].strip().lower()
        return not before or before in _NUMBERED_HEADINGS
    if bare in _AMBIGUOUS and not word[0].isupper():  # "He said no. Then"
        return next_word[0].isdigit()
    if bare in _OPEN_ABBREVIATIONS:
        return True
    is_initial = len(word) == 1 and word.isupper() and not sentence[-3:-2].isdigit()
    if is_initial or bare in _CLOSE_ABBREVIATIONS or re.fullmatch(r"(?:[A-Za-z]\.)+[A-Za-z]", word):
        return next_word.lower() not in _STARTERS or (is_initial and next_word == "A")
    return False


def _cut_overlong(text: str, start: int, end: int) -> Iterator[Span]:
    while end - start > MAX_SENTENCE_CHARS:
        window = text[start : start + MAX_SENTENCE_CHARS]
        cut = max(window.rfind("\n"), window.rfind("; ") + 1)
        if cut < MAX_SENTENCE_CHARS // 3:
            cut = window.rfind(" ")
        if cut < MAX_SENTENCE_CHARS // 3:
            cut = MAX_SENTENCE_CHARS
        yield start, start + cut
        start += cut
    yield start, end


def _trim(text: str, start: int, end: int) -> Span | None:
    piece = text[start:end]
    left = len(piece) - len(piece.lstrip())
    stripped = len(piece.strip())
    return (start + left, start + left + stripped) if stripped else None
