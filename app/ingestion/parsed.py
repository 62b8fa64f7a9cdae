"""What a parser gives: one text, with the places in it that pages and headings begin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

PAGE_SEPARATOR = "\n\n"


@dataclass(frozen=True)
class Heading:
    """The title of everything from `start` to the next heading, `start` counting characters of the text."""

    start: int
    title: str


@dataclass(frozen=True)
class ParseLimits:
    """Bounds of what one file may cost; over them it is `DocumentTooComplex`.

    `max_chars` bounds the text that a parser makes, which may be many times the size of its file;
    `max_depth` bounds the nesting of JSON.
    """

    max_pages: int = 10_000
    max_chars: int = 50_000_000
    max_depth: int = 200


PageRange = tuple[int, int]
"""First and last of a run of pages, counted from 1."""


@dataclass(frozen=True)
class Extraction:
    """What became of a file's content, for the people who rely on it.

    A doubtful page has text that looks garbled; it is among those with text too. `guessed` and `dropped` say in words
    what the file did not tell and what of it is not in the text.
    """

    pages_with_text: tuple[PageRange, ...] = ()
    pages_without_text: tuple[PageRange, ...] = ()
    pages_doubtful: tuple[PageRange, ...] = ()
    guessed: tuple[str, ...] = ()
    dropped: tuple[str, ...] = ()

    @property
    def remarks(self) -> tuple[str, ...]:
        return self.guessed + self.dropped


@dataclass(frozen=True)
class ParsedDocument:
    """Text that is safe to store, print and send: `\\n` line ends, no control characters, no lone surrogates.

    `page_spans[n - 1]` is the span of page n; it is empty where the format has no pages. `pages_without_text` holds
    the numbers of pages, counted from 1, that nothing could be read from; `warnings` says in words what of this and
    of `extraction` a reader of the document should know.
    """

    text: str
    media_type: str
    page_spans: tuple[tuple[int, int], ...] = ()
    title: str | None = None
    warnings: tuple[str, ...] = ()
    pages_without_text: tuple[int, ...] = ()
    headings: tuple[Heading, ...] = ()
    extraction: Extraction = Extraction()


def page_ranges(numbers: Iterable[int]) -> tuple[PageRange, ...]:
    """Growing numbers as runs, which stay short for a report of a thousand pages."""
    ranges: list[PageRange] = []
    for number in numbers:
        if ranges and number == ranges[-1][1] + 1:
            ranges[-1] = (ranges[-1][0], number)
        else:
            ranges.append((number, number))
    return tuple(ranges)


def extraction_from_json(fields: Mapping[str, Any]) -> Extraction:
    """Back from what `dataclasses.asdict` and JSON made of it."""
    pages = {
        name: tuple((first, last) for first, last in fields[name])
        for name in ("pages_with_text", "pages_without_text", "pages_doubtful")
    }
    return Extraction(**pages, guessed=tuple(fields["guessed"]), dropped=tuple(fields["dropped"]))


def parsed_from_fields(fields: Mapping[str, Any]) -> ParsedDocument:
    """The document from what `dataclasses.asdict` and JSON have made of it."""
    return ParsedDocument(
        text=fields["text"],
        media_type=fields["media_type"],
        page_spans=tuple((start, end) for start, end in fields["page_spans"]),
        title=fields["title"],
        warnings=tuple(fields["warnings"]),
        pages_without_text=tuple(fields["pages_without_text"]),
        headings=tuple(Heading(**heading) for heading in fields["headings"]),
        extraction=extraction_from_json(fields["extraction"]),
    )


def join_pages(pages: Iterable[str]) -> tuple[str, tuple[tuple[int, int], ...]]:
    """Lay the pages' texts one after another and tell where each one lies."""
    texts = list(pages)
    spans: list[tuple[int, int]] = []
    start = 0
    for text in texts:
        spans.append((start, start + len(text)))
        start += len(text) + len(PAGE_SEPARATOR)
    return PAGE_SEPARATOR.join(texts), tuple(spans)
