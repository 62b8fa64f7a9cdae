"""Puts together the text of formats that consist of paragraphs, lists and tables, with the places of its headings."""

from __future__ import annotations

from app.errors import DocumentTooComplex, EmptyDocument
from app.ingestion.clean_text import clean_text, has_words
from app.ingestion.parsed import Extraction, Heading, ParsedDocument, ParseLimits
from app.ingestion.titles import MAX_TITLE_CHARS, usable_title

LINE = "\n"
PARAGRAPH = "\n\n"
_CELL_BORDER = " | "
# Tables also lay out whole pages: what is longer than this in a cell is a paragraph, not a value.
_MAX_VALUE_CHARS = 200
_MAX_INDENTED_LEVELS = 10


class FlowingText:
    """Takes words and marks in the order of reading; white space in them counts for no more than a space.

    A row of a table is one line, `cell | cell`, except where a cell holds paragraphs.
    """

    def __init__(self, limits: ParseLimits) -> None:
        self._limits = limits
        self._blocks: list[str] = []
        self._headings: list[Heading] = []
        self._chars = 0
        self._line: list[str] = []
        self._line_chars = 0
        self._gap = ""
        self._marker = ""
        self._row_depth = 0
        self._cells = 0  # on the line that is being written

    def add(self, words: str) -> None:
        """Words of the line that is being written."""
        self._line.append(words)
        self._line_chars += len(words)
        self._check(self._chars + self._line_chars)

    def end_line(self, gap: str = LINE, *, heading: bool = False) -> None:
        """Close the line, and leave at least `gap` before the next; within a row a short one goes on."""
        if self._row_depth and not heading and self._line_chars <= _MAX_VALUE_CHARS:
            self.add(" ")
            return
        self._put(" ".join("".join(self._line).split()), heading=heading)
        self._line.clear()
        self._line_chars = self._cells = 0
        self._gap = max(self._gap, gap, key=len)

    def add_verbatim(self, text: str) -> None:
        """A block whose lines and indentation mean something, such as source code."""
        self._gap = PARAGRAPH
        self._put(text.strip("\n").expandtabs(4).rstrip())
        self._gap = PARAGRAPH

    def mark_item(self, marker: str, level: int) -> None:
        """Put `marker` before the next words, indented by the depth of the list, from 0."""
        self._marker = "  " * min(level, _MAX_INDENTED_LEVELS) + marker

    def start_row(self) -> None:
        self._close_row()
        self._row_depth += 1

    def start_cell(self) -> None:
        if self._cells:
            self.add(_CELL_BORDER)
        self._cells += 1

    def end_row(self) -> None:
        self._close_row()
        self._row_depth = max(0, self._row_depth - 1)

    def document(
        self, media_type: str, *, title: str | None, extraction: Extraction | None = None
    ) -> ParsedDocument:
        """All of it; without a title of its own it has that of its first heading.

        Raises:
            EmptyDocument: there is no word in it.
        """
        self._row_depth = 0
        self.end_line()
        text = "".join(self._blocks)
        if not has_words(text):
            raise EmptyDocument("there is no word in it that a reader could see")
        extraction = extraction or Extraction()
        first_heading = self._headings[0].title if self._headings else None
        return ParsedDocument(
            text,
            media_type,
            title=usable_title(title) or first_heading,
            warnings=extraction.remarks,
            headings=tuple(self._headings),
            extraction=extraction,
        )

    def _close_row(self) -> None:
        depth, self._row_depth = self._row_depth, 0
        self.end_line()
        self._row_depth = depth

    def _put(self, line: str, *, heading: bool = False) -> None:
        text = clean_text(line).rstrip()
        if not text.strip(_CELL_BORDER):
            return
        if self._blocks:
            self._blocks.append(self._gap)
            self._chars += len(self._gap)
        if heading:
            self._headings.append(Heading(self._chars, " ".join(text.split())[:MAX_TITLE_CHARS]))
        elif self._marker:
            text = f"{self._marker} {text}"
        self._marker = self._gap = ""
        self._blocks.append(text)
        self._chars += len(text)
        self._check(self._chars)

    def _check(self, chars: int) -> None:
        if chars > self._limits.max_chars:
            raise DocumentTooComplex(
                f"it holds more than {self._limits.max_chars:,} characters of text, which is all that is read"
            )
