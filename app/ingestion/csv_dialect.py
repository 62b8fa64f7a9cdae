"""Finds out how a table in a text file is written: what separates its cells, and whether it names its columns."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import islice

from app.errors import CorruptDocument

Row = list[str]

SAMPLE_ROWS = 100
_SAMPLE_CHARS = 200_000
_DELIMITERS = (",", ";", "\t", "|")
_NO_DELIMITER = "\x1f"
_MAX_NAME_CHARS = 100
_YEAR = re.compile(r"(?:19|20|21)\d\d")
# Numbers, amounts, dates and times: what a cell may hold and what names no column.
_FIGURE = re.compile(
    r"[\s(+\-−$€£¥%]*\d[\d.,:/'\s\-+TZ]*[\s)%$€£¥]*|(?:true|false|null|none|nan)", re.IGNORECASE
)


def find_delimiter(text: str, usual: str) -> str:
    """The candidate under which most rows have the same number of cells; the usual one where several do.

    Where none stands in most of the rows, the table is a single column.
    """
    sample = _whole_lines(text)
    best, best_score = _NO_DELIMITER, (0.0, 0)
    for delimiter in (usual, *(other for other in _DELIMITERS if other != usual)):
        widths = [len(row) for row in islice(read_rows(sample, delimiter), SAMPLE_ROWS) if any(row)]
        if sum(width > 1 for width in widths) <= len(widths) / 2:
            continue
        width, rows = max(Counter(widths).items(), key=lambda item: (item[1], item[0]))
        score = (rows / len(widths), width)
        if score > best_score:
            best, best_score = delimiter, score
    return best


def read_rows(text: str, delimiter: str, *, quoting: bool = True) -> Iterator[Row]:
    """Row by row; without `quoting`, quotes are characters like any other.

    Raises:
        CorruptDocument: a cell or row that the format does not allow.
    """
    # The limit is that of the whole process; its default of 131,072 is the length of a long comment in a ticket.
    csv.field_size_limit(max(csv.field_size_limit(), len(text)))
    reader = csv.reader(
        io.StringIO(text, newline=""),
        delimiter=delimiter,
        quoting=csv.QUOTE_MINIMAL if quoting else csv.QUOTE_NONE,
    )
    try:
        yield from reader
    except csv.Error as error:
        raise CorruptDocument(f"the table cannot be read at line {reader.line_num}: {error}") from None


def has_open_quote(text: str, delimiter: str) -> bool:
    """Whether a quote that is never closed swallows the rest of the file into one cell."""
    if text.count('"') % 2 == 0:
        return False
    last: Row = []
    for row in read_rows(text, delimiter):
        last = row
    return any("\n" in cell or "\r" in cell for cell in last[-1:])


def is_header(first: Sequence[str], below: Sequence[Row]) -> bool:
    """Whether the first row names the columns: distinct short names, no figures.

    Years may be names, where the cells below them are not years too.
    """
    names = [cell.strip() for cell in first]
    named = [name for name in names if name]
    # One column may lack a name, as the index that many tools write first.
    if not below or len(named) < max(1, len(names) - 1) or len(set(named)) < len(named):
        return False
    if any(len(name) > _MAX_NAME_CHARS or "\n" in name for name in named):
        return False
    figures = [column for column, name in enumerate(names) if _FIGURE.fullmatch(name)]
    return len(figures) < len(named) and all(
        _is_year_name(names[column], column, below) for column in figures
    )


def _is_year_name(name: str, column: int, below: Sequence[Row]) -> bool:
    cells = [row[column].strip() for row in below if column < len(row) and row[column].strip()]
    return _YEAR.fullmatch(name) is not None and not any(_YEAR.fullmatch(cell) for cell in cells)


def _whole_lines(text: str) -> str:
    sample = text[:_SAMPLE_CHARS]
    return sample if len(sample) == len(text) else sample[: sample.rfind("\n") + 1] or sample
