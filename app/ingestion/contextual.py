"""The text that is embedded for a chunk: what it is about in front of what it says."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import PurePosixPath

from app.ingestion.splitter import Measure, TextChunk

# Longer titles take the place of the text itself in a vector of fixed size.
_MAX_HEADER_PIECES = 32


def add_context(
    chunks: Iterable[TextChunk], word_pieces: Measure, *, name: str, title: str | None, max_pieces: int
) -> Iterator[str]:
    """Each chunk's text under a header of document and section, together at most `max_pieces` word pieces.

    A chunk from the middle of a report names neither the company nor the year; a question about it does.
    """
    document = describe_document(name, title)

    @lru_cache(maxsize=1024)
    def header(section: str | None, room: int) -> str:
        text = document if section is None or section == title else f"{document} > {section}"
        return _fit(text, word_pieces, room)

    for chunk in chunks:
        room = min(_MAX_HEADER_PIECES, max_pieces - chunk.pieces)
        yield f"{header(chunk.section, room)}\n{chunk.text}" if room > 0 else chunk.text


def describe_document(name: str, title: str | None) -> str:
    """The file's name without its extension, as words, then its title unless that says the same."""
    stem = re.sub(r"[_+\s]+", " ", PurePosixPath(name).stem).strip() or name
    return stem if title is None or title.casefold() in stem.casefold() else f"{stem} - {title}"


def _fit(text: str, word_pieces: Measure, room: int) -> str:
    spans = word_pieces.offsets(text)
    return text if len(spans) <= room else text[: int(spans[room - 1, 1])]
