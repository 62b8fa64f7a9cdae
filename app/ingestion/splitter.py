"""Cut documents into chunks that the embedding model can read whole."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from langchain_core.documents import Document
from langchain_text_splitters import TextSplitter
from numpy.typing import NDArray

from app.ingestion.boundaries import find_words
from app.ingestion.packing import Packer
from app.ingestion.parsed import Heading, ParsedDocument
from app.ingestion.running_lines import body_spans


class Measure(Protocol):
    """What the splitter needs of `app.models.minilm.WordPieces`."""

    def offsets(self, text: str) -> NDArray[np.int32]: ...

    def count(self, text: str) -> int: ...


@dataclass(frozen=True)
class TextChunk:
    """`text` is literally the document's text at `char_start:char_end`, without white space around it.

    `page` counts from 1, None where the format has no pages; `section` is the nearest heading above; `pieces` is the
    length in word pieces.
    """

    text: str
    page: int | None
    char_start: int
    char_end: int
    section: str | None
    pieces: int


def split(parsed: ParsedDocument, word_pieces: Measure, *, size: int, overlap: int) -> list[TextChunk]:
    """Cut into chunks of at most `size` word pieces; neighbours share whole sentences of up to `overlap`.

    A chunk never crosses a page, and never begins or ends within a word that fits into one. Together the chunks hold
    every character that is not white space, but for the headers and footers that run through a document's pages.
    """
    return WordPieceSplitter(word_pieces, size=size, overlap=overlap).split_parsed(parsed)


class WordPieceSplitter(TextSplitter):
    """The splitter as LangChain's interface: sizes in word pieces, and an exact `start_index` in the metadata."""

    def __init__(self, word_pieces: Measure, *, size: int, overlap: int) -> None:
        super().__init__(chunk_size=size, chunk_overlap=overlap, length_function=word_pieces.count)
        self._word_pieces = word_pieces
        self._packer = Packer(size, overlap, word_pieces.count)

    def split_parsed(self, parsed: ParsedDocument) -> list[TextChunk]:
        """Split page by page, with the headings of the whole document as sections."""
        pages: Iterable[tuple[int | None, tuple[int, int]]] = [(None, (0, len(parsed.text)))]
        if parsed.page_spans:
            pages = enumerate(body_spans(parsed.text, parsed.page_spans), start=1)
        sections = _Sections(parsed.headings)
        return [
            TextChunk(parsed.text[start:end], page, start, end, sections.at(start), pieces)
            for page, span in pages
            for start, end, pieces in self._split_span(parsed.text, span, sections)
        ]

    def split_text(self, text: str) -> list[str]:
        """The chunks' texts alone."""
        return [text[start:end] for start, end, _ in self._split_span(text, (0, len(text)), _Sections(()))]

    def create_documents(
        self, texts: list[str], metadatas: list[dict[Any, Any]] | None = None
    ) -> list[Document]:
        """Documents with the metadata of their text, and `start_index` in it."""
        return [
            Document(page_content=text[start:end], metadata={**metadata, "start_index": start})
            for text, metadata in zip(texts, metadatas or [{}] * len(texts), strict=True)
            for start, end, _ in self._split_span(text, (0, len(text)), _Sections(()))
        ]

    def _split_span(
        self, text: str, span: tuple[int, int], sections: _Sections
    ) -> Iterator[tuple[int, int, int]]:
        offset, page = span[0], text[span[0] : span[1]]
        headings = [start - offset for start in sections.starts_within(*span)]
        words = find_words(page, self._word_pieces.offsets(page), headings)
        for start, end, pieces in self._packer.pack(page, words):
            yield offset + start, offset + end, pieces


class _Sections:
    """Finds the heading that a place of the text stands under."""

    def __init__(self, headings: Sequence[Heading]) -> None:
        self._headings = headings
        self._starts = [heading.start for heading in headings]

    def at(self, place: int) -> str | None:
        index = bisect_right(self._starts, place)
        return self._headings[index - 1].title if index else None

    def starts_within(self, start: int, end: int) -> list[int]:
        return self._starts[bisect_left(self._starts, start) : bisect_left(self._starts, end)]
