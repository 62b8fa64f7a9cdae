"""Pictures of PDF pages with a span of the stored text marked, drawn in the sandbox and kept for the next caller."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Literal

from app.errors import InvalidRequest, NoPageImage, NotFound, UnknownDocument, UnknownPage
from app.ingestion.media_types import PDF
from app.ingestion.sandbox import run_isolated
from app.knowledge.image_cache import ImageCache
from app.knowledge.store import KnowledgeStore
from app.settings import Settings

Highlight = Literal["none", "whole", "partial", "missing"]
"""How much of the wanted span is marked; `none` where no span was wanted."""

# A change of how pages are drawn gives them another identity, so that no older picture is handed out.
_DRAWN_BY = 1
# A page of 1600 by 1600 pixels that does not compress at all, with room for the header.
_MAX_ANSWER_BYTES = 9 << 20


@dataclass(frozen=True, slots=True)
class PageToDraw:
    """A page, looked up: `text` is what is stored of it, and `span` points into that. `etag` names the picture."""

    document_id: str
    sha256: str
    number: int
    text: str
    span: tuple[int, int] | None
    etag: str


@dataclass(frozen=True, slots=True)
class PageImage:
    png: bytes
    highlight: Highlight


class PageImages:
    """Blocking; of what is drawn at the same time each takes a process of its own, so bound the threads that ask."""

    def __init__(self, store: KnowledgeStore, cache: ImageCache, settings: Settings) -> None:
        self._store = store
        self._cache = cache
        self._limits = {"timeout_s": settings.parse_timeout_s, "memory_mb": settings.parse_memory_mb}

    def look_up(self, document_id: str, number: int, span: tuple[int, int] | None) -> PageToDraw:
        """Find the page; `span` counts characters of the document's stored text.

        Raises:
            UnknownDocument
            NoPageImage: the document is no PDF.
            UnknownPage: the document has fewer pages.
            InvalidRequest: the span is empty, or no part of it is on this page.
            NotFound: a span was given, but the document has no text (yet).
        """
        info = self._store.get_document(document_id)
        if info.media_type != PDF:
            raise NoPageImage(f"{info.name!r} is {info.media_type}; only pages of PDF documents can be drawn")
        if number < 1:
            raise UnknownPage(f"There is no page {number}: pages count from 1")
        text, relative = self._text(document_id, number, span)
        identity = json.dumps([_DRAWN_BY, info.sha256, number, relative, relative and text])
        etag = hashlib.blake2b(identity.encode(), digest_size=16).hexdigest()
        return PageToDraw(document_id, info.sha256, number, text, relative, etag)

    def draw(self, page: PageToDraw) -> PageImage:
        """Give the picture from the cache, else draw it.

        Raises:
            MissingOriginal: the file is gone from the disk.
            UnknownPage: the file has fewer pages.
            UnreadableDocument: it cannot be drawn, or not within the limits of time and memory.
        """
        answer = self._cache.get(page.sha256, page.etag)
        if answer is None:
            answer = self._draw(page)
            self._keep(page, answer)
        header, _, png = answer.partition(b"\n")
        return PageImage(png, _highlight(json.loads(header)["share"]))

    def _text(
        self, document_id: str, number: int, span: tuple[int, int] | None
    ) -> tuple[str, tuple[int, int] | None]:
        """What is stored of the page, and the part of the span that lies on it."""
        try:
            text, place = self._store.listing.page(document_id, number)
        except UnknownPage:
            raise
        except NotFound:
            if span is not None:
                raise
            return "", None  # A scan has no text, but it can be looked at.
        return text, None if span is None else _within(span, place, number)

    def _keep(self, page: PageToDraw, answer: bytes) -> None:
        """Nothing may stay of a document that was deleted while its page was drawn; who deletes removes these last."""
        self._cache.put(page.sha256, page.etag, answer)
        try:
            self._store.get_document(page.document_id)
        except UnknownDocument:
            self._cache.remove(page.sha256)

    def _draw(self, page: PageToDraw) -> bytes:
        text = page.text.encode() if page.span else b""
        request: dict[str, Any] = {"number": page.number, "span": page.span, "text_bytes": len(text)}
        header, png = run_isolated(
            "app.ingestion.page_image_child",
            text + self._store.original(page.document_id),
            request | self._limits,
            max_bytes=_MAX_ANSWER_BYTES,
        )
        if not png:
            raise UnknownPage(f"There is no page {page.number}: the file has {header['pages']} pages")
        return json.dumps(header).encode() + b"\n" + png


def _within(span: tuple[int, int], page: tuple[int, int], number: int) -> tuple[int, int]:
    """The part of a span of the document that lies on the page, counted from the page's first character."""
    start, end = max(span[0], page[0]) - page[0], min(span[1], page[1]) - page[0]
    if start >= end:
        raise InvalidRequest(
            f"start, end: {span[0]} to {span[1]} is no part of page {number}, which has the characters "
            f"{page[0]} to {page[1]}"
        )
    return (start, end)


def _highlight(share: float | None) -> Highlight:
    if share is None:
        return "none"
    if share == 0:
        return "missing"
    return "whole" if share == 1 else "partial"
