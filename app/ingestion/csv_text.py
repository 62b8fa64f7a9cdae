"""CSV and TSV as text in which every row says what its cells mean: `name: value | name: value`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain, islice

from app.errors import DocumentTooComplex, EmptyDocument
from app.ingestion.clean_text import clean_text, has_words
from app.ingestion.csv_dialect import SAMPLE_ROWS, Row, find_delimiter, has_open_quote, is_header, read_rows
from app.ingestion.decoding import Decoded, decode
from app.ingestion.media_types import CSV, TSV
from app.ingestion.parsed import Extraction, ParsedDocument, ParseLimits

# A blank line between rows makes each a paragraph, so that chunks begin and end with whole rows.
_ROW_GAP = "\n\n"
# A longer row gets a line for each cell, so that a cut falls between cells.
_MAX_LINE_CHARS = 600
_MAX_TOLD_ROWS = 5


def parse_csv(data: bytes, limits: ParseLimits) -> ParsedDocument:
    """Raises `UnknownEncoding`, `EmptyDocument`, `CorruptDocument` or `DocumentTooComplex`."""
    return _parse(data, CSV, ",", limits)


def parse_tsv(data: bytes, limits: ParseLimits) -> ParsedDocument:
    """As `parse_csv`, for tables whose cells are separated by tabs unless they say otherwise."""
    return _parse(data, TSV, "\t", limits)


def _parse(data: bytes, media_type: str, usual_delimiter: str, limits: ParseLimits) -> ParsedDocument:
    decoded = decode(data)
    text = decoded.text.removeprefix("\ufeff")
    delimiter, text = _told_delimiter(text)
    delimiter = delimiter or find_delimiter(text, usual_delimiter)
    is_open = has_open_quote(text, delimiter)
    rows = read_rows(text, delimiter, quoting=not is_open)
    table = _Table(rows, limits)
    written = table.text()
    if not table.has_words:
        raise EmptyDocument("there is no word in it, only empty cells or signs")
    extraction = _report(decoded, table, is_open=is_open)
    return ParsedDocument(written, media_type, warnings=extraction.remarks, extraction=extraction)


def _told_delimiter(text: str) -> tuple[str | None, str]:
    """Spreadsheets write `sep=;` into a line of its own."""
    first, _, rest = text.partition("\n")
    first = first.strip()
    return (first[4], rest) if len(first) == 5 and first.lower().startswith("sep=") else (None, text)


def _report(decoded: Decoded, table: _Table, *, is_open: bool) -> Extraction:
    guessed = [decoded.warning] if decoded.warning else []
    if is_open:
        guessed.append("a quote is never closed, so all quotes were taken as they stand")
    if not table.has_header:
        guessed.append("the table does not name its columns, so they are numbered")
    if table.ragged:
        told = ", ".join(map(str, table.ragged[:_MAX_TOLD_ROWS]))
        more = ", …" if len(table.ragged) > _MAX_TOLD_ROWS else ""
        guessed.append(
            f"{len(table.ragged):,} rows have more or fewer cells than there are columns: row {told}{more}"
        )
    return Extraction(guessed=tuple(guessed))


class _Table:
    """Reads the rows once, in their order; `ragged` numbers those of another width, from 1, without empty ones."""

    def __init__(self, rows: Iterator[Row], limits: ParseLimits) -> None:
        self._limits = limits
        self._rows = (row for row in rows if any(cell.strip() for cell in row))
        sample = list(islice(self._rows, SAMPLE_ROWS))
        widths = Counter(map(len, sample))
        self._width = max(widths, key=lambda width: (widths[width], width), default=0)
        preamble = self._count_preamble(sample)
        self._preamble, sample = sample[:preamble], sample[preamble:]
        self.has_header = bool(sample) and is_header(sample[0], sample[1:])
        self._names = [_tidy(cell) for cell in sample[0]] if self.has_header else []
        self._sample = sample[1:] if self.has_header else sample
        self._first_number = preamble + self.has_header + 1
        self.ragged: list[int] = []
        self.has_words = False

    def text(self) -> str:
        parts = []
        chars = 0
        for row in self._write_all():
            chars += len(row) + len(_ROW_GAP)
            if chars > self._limits.max_chars:
                raise DocumentTooComplex(
                    f"the table makes more than {self._limits.max_chars:,} characters of text"
                )
            parts.append(row)
        return _ROW_GAP.join(parts)

    def _write_all(self) -> Iterator[str]:
        for row in self._preamble:
            yield " ".join(filter(None, map(_tidy, row)))
        for number, row in enumerate(chain(self._sample, self._rows), start=self._first_number):
            if len(row) != self._width:
                self.ragged.append(number)
            if written := _join(self._write(row)):
                yield written

    def _write(self, row: Sequence[str]) -> Iterator[str]:
        for column, cell in enumerate(row):
            if value := _tidy(cell):
                self.has_words = self.has_words or has_words(value)
                name = self._names[column] if column < len(self._names) else ""
                yield f"{name or f'column {column + 1}'}: {value}"

    def _count_preamble(self, sample: Sequence[Row]) -> int:
        """Titles and notes above the table: rows of a single cell where the table has several."""
        count = 0
        while count < len(sample) and self._width > 1 and _is_note(sample[count]):
            count += 1
        return count


def _is_note(row: Sequence[str]) -> bool:
    return bool(row[0].strip()) and not any(cell.strip() for cell in row[1:])


def _tidy(cell: str) -> str:
    return " ".join(clean_text(cell).split())


def _join(cells: Iterable[str]) -> str:
    cells = list(cells)
    line = " | ".join(cells)
    return line if len(line) <= _MAX_LINE_CHARS else "\n".join(cells)
