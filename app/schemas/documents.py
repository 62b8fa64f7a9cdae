"""Documents, their chunks and the search over them."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import Field

from app.schemas.base import CollectionName, DocumentIds, DocumentStatus, Wire


class ProblemInfo(Wire):
    code: str
    detail: str


PageRange = tuple[int, int]


class ExtractionInfo(Wire):
    """What a document's text was made from. Pages are listed as runs, each with its first and last page."""

    pages_with_text: list[PageRange] = Field(default_factory=list)
    pages_without_text: list[PageRange] = Field(default_factory=list)
    pages_doubtful: list[PageRange] = Field(
        [], description="The text looks garbled; also among those with text"
    )
    guessed: list[str] = Field([], description="What the file does not tell, such as its encoding")
    dropped: list[str] = Field([], description="What is not in the text, such as hidden parts")


class ReindexInfo(Wire):
    """How far the reading of an indexed document again is, or why it ended without taking the place of the last."""

    status: Literal["queued", "parsing", "embedding", "failed", "cancelled"]
    error: ProblemInfo | None = Field(default=None, description="Why it failed, or is tried again later")


class DocumentInfo(Wire):
    document_id: str
    name: str
    collection: str
    media_type: str
    bytes: int
    sha256: str
    pages: int | None = None
    pages_without_text: int | None = Field(default=None, description="How many; `warnings` names them")
    chunks: int = 0
    keywords: list[str] = Field([], description="What it is about, the most telling first")
    status: DocumentStatus
    error: ProblemInfo | None = None
    duplicate: bool = False
    warnings: list[str] = Field(default_factory=list)
    extraction: ExtractionInfo | None = Field(default=None, description="Null until the file has been read")
    reindexing: ReindexInfo | None = Field(
        default=None,
        description="While it is read again, and when that failed or was cancelled; all else is of the last reading",
    )
    created_at: datetime


class DocumentList(Wire):
    documents: list[DocumentInfo]


class DocumentPage(DocumentList):
    """Some of `total` documents; the next ones begin at `next_offset`, null at the end."""

    total: int
    next_offset: int | None


class ChunkInfo(Wire):
    """A piece of a document as it is searched; `metadata` holds the document's fields and its own."""

    chunk_id: str
    ordinal: int = Field(description="Place in the document, from 0")
    page: int | None
    char_start: int
    char_end: int
    section: str | None = Field(description="The nearest heading above")
    text: str
    metadata: dict[str, Any]


class ChunkPage(Wire):
    chunks: list[ChunkInfo]
    total: int
    next_offset: int | None


class TextDocument(Wire):
    text: str
    name: str | None = None
    metadata: dict[str, Any] = Field(default_factory=dict)


class IndexRequest(Wire):
    documents: list[TextDocument] = Field(min_length=1, max_length=1_000)
    collection: CollectionName | None = None


class SearchRequest(Wire):
    query: str = Field(description="What to look for, in words or as a question", examples=["notice period"])
    k: int | None = Field(
        default=None, ge=1, le=100, description="How many; else the collection's `top_k`, else LLMOPS_TOP_K"
    )
    collection: CollectionName | None = Field(
        default=None,
        description="Name of the set of documents to look into; left out, the one called `default`",
    )
    document_ids: DocumentIds = None
    filter: dict[str, Any] | None = Field(
        default=None,
        max_length=20,
        description="Conditions on metadata: a value, or $eq $ne $in $nin $gt $gte $lt $lte; $and and $or join them",
        examples=[
            {"kind": "contract", "year": {"$gte": 2024}},
            {"$or": [{"lang": "de"}, {"lang": {"$in": ["en"]}}]},
        ],
    )


class SearchResult(Wire):
    chunk_id: str
    document_id: str
    document_name: str
    page: int | None = None
    char_start: int
    char_end: int
    text: str
    score: float = Field(ge=0, le=1)


class SearchResponse(Wire):
    results: list[SearchResult]
    degraded: list[str] = Field(default_factory=list)


class ClearRequest(Wire):
    confirm: Literal[True]
    collection: CollectionName | None = None


class ClearResponse(Wire):
    deleted_documents: int
