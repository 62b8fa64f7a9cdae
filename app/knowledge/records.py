"""Values that the knowledge base gives and takes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class NewChunk:
    """A piece of a document that is about to be stored; `char_start:char_end` points into the document's text."""

    text: str
    page: int | None
    char_start: int
    char_end: int
    section: str | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewText:
    """A text that comes through the `VectorStore` interface under an id of the caller's choice."""

    chunk_id: str
    text: str
    metadata: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WholeDocument:
    """A text that was split before it is stored, and that needs no file beside it: it is its own original.

    `only_chunk_id` names the chunk of a document of one chunk otherwise than by the document's id.
    """

    document_id: str
    name: str
    media_type: str
    text: str
    chunks: Sequence[NewChunk]
    title: str | None = None
    keywords: Sequence[str] = ()
    extraction: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    only_chunk_id: str | None = None

    def chunk_id(self, ordinal: int) -> str:
        return self.only_chunk_id or f"{self.document_id}:{ordinal}"


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stored piece of a document.

    `chunk_no` is its number in the indexes: it grows with every chunk and is never used again. `metadata` holds the
    document's fields, overridden by the chunk's own. `parts` is empty but where neighbours were merged to be read
    together.
    """

    chunk_no: int
    chunk_id: str
    document_id: str
    document_name: str
    collection: str
    ordinal: int
    page: int | None
    char_start: int
    char_end: int
    text: str
    section: str | None
    metadata: Mapping[str, Any]
    document_title: str | None = None
    parts: tuple[Chunk, ...] = ()

    def part_at(self, char_start: int, char_end: int) -> Chunk:
        """The stored chunk that holds most of a span of the document."""
        return max(
            self.parts or (self,),
            key=lambda part: min(char_end, part.char_end) - max(char_start, part.char_start),
        )


class Sketch(NamedTuple):
    """What a search must know of a chunk to judge it, which is read much faster than all of it."""

    chunk_no: int
    document_id: str
    document_name: str
    document_title: str | None
    page: int | None
    char_start: int
    char_end: int
    text: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found. `dense` is the cosine of query and chunk, `lexical` the share of the best word match.

    Either is None where that search had nothing to say: no vector of the chunk, or no vector of the query.
    """

    chunk: Chunk
    score: float
    dense: float | None
    lexical: float | None


@dataclass(frozen=True, slots=True)
class StoreStats:
    """`documents` and `collections` count what can be asked about, `bytes` all originals."""

    documents: int
    unfinished: int
    failed: int
    chunks: int
    collections: dict[str, int]
    bytes: int


@dataclass(frozen=True, slots=True, order=True)
class Position:
    """How much of the store an index has seen: all changes up to `change`, all chunks up to `chunk_no`."""

    change: int = 0
    chunk_no: int = 0


@dataclass(frozen=True, slots=True)
class IndexState:
    """How many chunks an index can find, and how much of the store it has seen."""

    chunks: int
    seen: Position
