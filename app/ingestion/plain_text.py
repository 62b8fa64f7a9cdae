"""Parsers of text files: plain text as it stands, and Markdown with its headings."""

from __future__ import annotations

import re

from app.errors import DocumentTooComplex, EmptyDocument
from app.ingestion.clean_text import clean_text, has_words
from app.ingestion.decoding import decode
from app.ingestion.media_types import MARKDOWN, TEXT
from app.ingestion.parsed import Extraction, Heading, ParsedDocument, ParseLimits

# Front matter and fences hide their lines from the other two: "# note" in a shell example is a comment. Nothing here
# gives back what it took (`++`), nor passes the character that it begins with: else a line of 100 kB takes minutes.
_MARKDOWN_LINES = re.compile(
    r"\A---[ \t]*+\n(?>(?!---[ \t]*+$)(?:[\w-]++:|[ \t#-])[^\n]*+\n)*+---[ \t]*+$"
    r"|^ {0,3}(?P<fence>`{3,}+|~{3,}+)[^`\n]*+\n(?>(?! {0,3}(?P=fence)[`~]*+[ \t]*+$)(?:[^\n]++\n?|\n))*+[^\n]*+"
    r"|^ {0,3}#{1,6}[ \t]++(?P<hashed>[^\n]*+)"
    r"|^ {0,3}(?P<underlined>[^\s#>`~\-=|][^\n]*+)\n {0,3}(?:={2,}+|-{2,}+)[ \t]*+$",
    re.MULTILINE,
)
_MARKDOWN_MARKS = re.compile(r"!?\[([^\[\]\n]*+)\]\((?:[^()\n]++|\([^()\n]*+\))*+\)|[*_`]++")
_MAX_TITLE_CHARS = 300


def parse_text(data: bytes, limits: ParseLimits) -> ParsedDocument:
    """Raises `UnknownEncoding`, `EmptyDocument` or `DocumentTooComplex`."""
    decoded = decode(data)
    return read_text(decoded.text, TEXT, limits, warning=decoded.warning)


def parse_markdown(data: bytes, limits: ParseLimits) -> ParsedDocument:
    """Keep the source as it is, so that quotes of it are literal, and note where its headings begin."""
    decoded = decode(data)
    return read_text(decoded.text, MARKDOWN, limits, warning=decoded.warning)


def read_text(
    text: str, media_type: str, limits: ParseLimits, *, warning: str | None = None
) -> ParsedDocument:
    """Take text that is decoded already; raises `EmptyDocument` or `DocumentTooComplex`."""
    text = clean_text(text)
    if not has_words(text):
        raise EmptyDocument("there is no word in it, only white space or signs")
    if len(text) > limits.max_chars:
        raise DocumentTooComplex(f"{len(text):,} characters of text; at most {limits.max_chars:,} are read")
    extraction = Extraction(guessed=(warning,) if warning else ())
    if media_type != MARKDOWN:
        return ParsedDocument(text, media_type, warnings=extraction.remarks, extraction=extraction)
    headings = find_headings(text)
    title = headings[0].title if headings else None
    return ParsedDocument(
        text,
        media_type,
        title=title,
        warnings=extraction.remarks,
        headings=headings,
        extraction=extraction,
    )


def find_headings(markdown: str) -> tuple[Heading, ...]:
    """Headings of both of Markdown's styles, without the marks of emphasis and links in them."""
    headings = []
    for found in _MARKDOWN_LINES.finditer(markdown):
        written = _without_closing_hashes(found["hashed"] or "") or found["underlined"] or ""
        title = _MARKDOWN_MARKS.sub(lambda mark: mark[1] or "", written).strip()[:_MAX_TITLE_CHARS]
        if title:
            headings.append(Heading(found.start(), title))
    return tuple(headings)


def _without_closing_hashes(heading: str) -> str:
    """The "Scope" of "# Scope ##"; the sign of "# C#" belongs to the word."""
    heading = heading.rstrip()
    bare = heading.rstrip("#")
    return bare.rstrip() if not bare or bare[-1].isspace() else heading
