"""The registry of formats: one parser for each media type that the service reads."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType

from app.ingestion.csv_text import parse_csv, parse_tsv
from app.ingestion.docx import parse_docx
from app.ingestion.html_text import parse_html
from app.ingestion.json_text import parse_json, parse_json_lines
from app.ingestion.media_types import (
    CSV,
    DOCX,
    HTML,
    JSON,
    JSON_LINES,
    MARKDOWN,
    PDF,
    TEXT,
    TSV,
    detect_media_type,
)
from app.ingestion.parsed import Heading, ParsedDocument, ParseLimits
from app.ingestion.pdf import parse_pdf
from app.ingestion.plain_text import parse_markdown, parse_text

__all__ = ["LOADERS", "Heading", "ParseLimits", "ParsedDocument", "detect_media_type", "parse"]

Parser = Callable[[bytes, ParseLimits], ParsedDocument]

LOADERS: MappingProxyType[str, Parser] = MappingProxyType(
    {
        PDF: parse_pdf,
        DOCX: parse_docx,
        HTML: parse_html,
        TEXT: parse_text,
        MARKDOWN: parse_markdown,
        CSV: parse_csv,
        TSV: parse_tsv,
        JSON: parse_json,
        JSON_LINES: parse_json_lines,
    }
)


def parse(data: bytes, name: str, *, limits: ParseLimits) -> ParsedDocument:
    """Read a file in this process; what users upload goes through `app.ingestion.sandbox` instead.

    Raises:
        UnreadableDocument: one of its classes says why the file cannot become a document.
    """
    return LOADERS[detect_media_type(data, name)](data, limits)
