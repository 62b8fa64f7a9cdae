"""PDF page by page: PDFium reads, pypdf is asked where PDFium finds nothing.

Neither library is safe against hostile files in this process: call it through `app.ingestion.sandbox`.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from app.errors import CorruptDocument, DocumentTooComplex, EncryptedDocument, NeedsOcr
from app.ingestion.clean_text import clean_text
from app.ingestion.media_types import PDF
from app.ingestion.parsed import (
    Extraction,
    Heading,
    PageRange,
    ParsedDocument,
    ParseLimits,
    join_pages,
    page_ranges,
)
from app.ingestion.pdf_second_reader import SecondReader, Unreadable
from app.ingestion.pdf_text import is_garbled, is_readable, mend_hyphens, turn_reversed_words
from app.ingestion.titles import MAX_TITLE_CHARS, usable_title

if TYPE_CHECKING:
    import pypdfium2

_log = logging.getLogger("llmops.embedding")

_PASSWORD_ERRORS = (4, 5)  # FPDF_ERR_PASSWORD, FPDF_ERR_SECURITY
# Asking for each page of a long scan would take minutes and find nothing.
_SECOND_READER_S = 20.0
_MAX_OUTLINE_ENTRIES = 5_000


@dataclass(frozen=True)
class _Page:
    """`is_hidden`: there are characters, but none within the borders of the page."""

    text: str
    is_hidden: bool = False


@dataclass(frozen=True)
class _Contents:
    pages: list[str]
    title: str | None = None
    outline: tuple[tuple[int, str], ...] = ()


def parse_pdf(data: bytes, limits: ParseLimits) -> ParsedDocument:
    """Text of each page, with the outline as headings; pages without text are listed, and a warning names them.

    Raises:
        EncryptedDocument: a password is needed to open it.
        CorruptDocument: neither reader opens it.
        NeedsOcr: no page has readable text.
        DocumentTooComplex: more pages or text than `limits` allow.
    """
    contents = _read_with_pdfium(data, limits) or _read_with_second(data, limits)
    if not contents.pages:
        raise CorruptDocument("the PDF has no pages")
    texts = [clean_text(text).strip() for text in mend_hyphens(contents.pages)]
    readable = [text if is_readable(text) else "" for text in texts]
    without_text = tuple(number for number, text in enumerate(readable, start=1) if not text)
    extraction = _report(readable)
    if len(without_text) == len(readable):
        raise NeedsOcr(
            f"none of the {len(readable)} pages has text that can be read; the file needs OCR",
            extraction=asdict(extraction),
        )
    text, spans = join_pages(readable)
    if len(text) > limits.max_chars:
        raise DocumentTooComplex(f"{len(text):,} characters of text; at most {limits.max_chars:,} are read")
    return ParsedDocument(
        text,
        PDF,
        page_spans=spans,
        title=usable_title(contents.title),
        warnings=_warnings(extraction),
        pages_without_text=without_text,
        headings=_place_outline(contents.outline, text, spans),
        extraction=extraction,
    )


def _read_with_pdfium(data: bytes, limits: ParseLimits) -> _Contents | None:
    """None: PDFium cannot open it."""
    import pypdfium2

    try:
        document = pypdfium2.PdfDocument(data)
    except pypdfium2.PdfiumError as error:
        # A damaged trailer is reported as a wrong password too; an encrypted file always has this entry in it.
        if error.err_code in _PASSWORD_ERRORS and b"/Encrypt" in data:
            raise EncryptedDocument("the PDF is protected by a password; upload a copy without one") from None
        return None
    with document:
        _check_pages(len(document), limits)
        second = SecondReader(data, budget_s=_SECOND_READER_S)
        pages = [_complete(_read_page(document, index), index, second) for index in range(len(document))]
        return _Contents(pages, document.get_metadata_value("Title"), _read_outline(document))


def _read_page(document: pypdfium2.PdfDocument, index: int) -> _Page:
    import pypdfium2

    try:
        page = document[index]
        text_page = page.get_textpage()
    except pypdfium2.PdfiumError:
        return _Page("")
    # Bounded by the page: what lies outside nobody sees, and it is a place to hide instructions to a model.
    text = text_page.get_text_bounded()
    is_hidden = not text.strip() and text_page.count_chars() > 0
    text_page.close()
    page.close()
    return _Page(text, is_hidden)


def _read_outline(document: pypdfium2.PdfDocument) -> tuple[tuple[int, str], ...]:
    entries: list[tuple[int, str]] = []
    for bookmark in document.get_toc():
        destination = bookmark.get_dest()
        index = destination.get_index() if destination else None
        if index is not None:
            entries.append((index, bookmark.get_title()))
        if len(entries) >= _MAX_OUTLINE_ENTRIES:
            break
    return tuple(entries)


def _read_with_second(data: bytes, limits: ParseLimits) -> _Contents:
    second = SecondReader(data)
    try:
        count = second.count_pages()
        _check_pages(count, limits)
        pages = [_ask(second, index) for index in range(count)]
        if not any(pages):
            second.read(0)  # Raises where damage, not pictures, is why there is no text.
        return _Contents(pages, second.title())
    except Unreadable as error:
        _log.info("pdf_unreadable", extra={"reason": str(error)})
        raise CorruptDocument("the PDF is damaged: no reader can open it") from None


def _check_pages(count: int, limits: ParseLimits) -> None:
    if count > limits.max_pages:
        raise DocumentTooComplex(f"{count:,} pages; at most {limits.max_pages:,} are read")


def _complete(page: _Page, index: int, second: SecondReader) -> str:
    if is_readable(page.text):
        return turn_reversed_words(page.text, lambda: _ask(second, index))
    return page.text if page.is_hidden else _ask(second, index) or page.text


def _ask(second: SecondReader, index: int) -> str:
    try:
        return second.read(index)
    except Unreadable:
        return ""


def _report(texts: Sequence[str]) -> Extraction:
    pages = list(enumerate(texts, start=1))
    return Extraction(
        pages_with_text=page_ranges(number for number, text in pages if text),
        pages_without_text=page_ranges(number for number, text in pages if not text),
        pages_doubtful=page_ranges(number for number, text in pages if is_garbled(text)),
    )


def _warnings(extraction: Extraction) -> tuple[str, ...]:
    warnings = []
    if without := extraction.pages_without_text:
        warnings.append(f"no text on {_name_pages(without)}: pictures alone, or they need OCR")
    if garbled := extraction.pages_doubtful:
        warnings.append(
            f"the text of {_name_pages(garbled)} looks garbled: the file maps its letters wrongly"
        )
    return tuple(warnings)


def _name_pages(ranges: Sequence[PageRange]) -> str:
    """`page 3`, `pages 1-4, 9`."""
    is_one = len(ranges) == 1 and ranges[0][0] == ranges[0][1]
    names = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
    return f"page{'' if is_one else 's'} {names}"


def _place_outline(
    outline: Sequence[tuple[int, str]], text: str, spans: Sequence[tuple[int, int]]
) -> tuple[Heading, ...]:
    """Put each entry where its words stand on its page, else at the page's start; always in the text's order."""
    headings: list[Heading] = []
    for index, raw_title in outline:
        words = clean_text(raw_title).split()
        if not words or not 0 <= index < len(spans):
            continue
        start, end = spans[index]
        if headings and start <= headings[-1].start < end:
            start = headings[-1].start
        found = re.compile(r"\s+".join(map(re.escape, words)), re.IGNORECASE).search(text, start, end)
        headings.append(Heading(found.start() if found else start, " ".join(words)[:MAX_TITLE_CHARS]))
    return tuple(sorted(headings, key=lambda heading: heading.start))
