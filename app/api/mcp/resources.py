"""The stored texts of documents as resources: whole, by page, or by a span as citations give it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

from app.api import documents
from app.api.ownership import own_document
from app.api.services import Services
from app.errors import InvalidRequest, NotFound
from app.principal import Principal
from app.schemas import DocumentInfo

TEXT_TEMPLATE = "document://{document_id}{?start,end}"
PAGE_TEMPLATE = "document://{document_id}/pages/{page}"
LISTED = 100
MAX_CHARS = 1_000_000
"""Of one answer: longer texts are read in spans, for nobody else is served while one is written as JSON."""

_PAGE = re.compile(r"/pages/(\d{1,9})")
_NUMBER = re.compile(r"\d{1,15}")


@dataclass(frozen=True, slots=True)
class Address:
    """What a resource's URI points to: a page, or the characters from `start` to `end`, or all of them."""

    document_id: str
    page: int | None = None
    start: int = 0
    end: int | None = None


def parse(uri: str) -> Address:
    """Raises NotFound."""
    try:
        parts = urlsplit(uri)
    except ValueError:
        raise _unknown(uri) from None
    span = dict(parse_qsl(parts.query, keep_blank_values=True))
    page = _PAGE.fullmatch(parts.path)
    is_span = set(span) <= {"start", "end"} and all(map(_NUMBER.fullmatch, span.values()))
    if parts.scheme != "document" or not parts.netloc or not is_span:
        raise _unknown(uri)
    document_id = unquote(parts.netloc)
    if page is not None and not span:
        return Address(document_id, page=int(page[1]))
    if parts.path in ("", "/"):
        return Address(
            document_id, start=int(span.get("start", 0)), end=int(span["end"]) if "end" in span else None
        )
    raise _unknown(uri)


async def read(services: Services, caller: Principal, uri: str) -> str:
    """The text behind a resource's URI.

    Raises:
        NotFound: there is no such resource, document or page, or the document has no text.
        InvalidRequest: the text is too long to be read at once.
    """
    address = parse(uri)
    store = services.knowledge.store
    await own_document(address.document_id, services, caller)
    if address.page is not None:
        return await services.in_pool(store.page_text, address.document_id, address.page)
    whole = await services.in_pool(store.document_text, address.document_id)
    text = whole[address.start : address.end]
    if len(text) > MAX_CHARS:
        raise InvalidRequest(
            f"{uri!r} has {len(text)} characters, at most {MAX_CHARS} are read at once: give ?start= and &end="
        )
    return text


async def list_page(
    services: Services, caller: Principal, cursor: str | None
) -> tuple[list[DocumentInfo], str | None]:
    """Some of the documents that have a text, and the cursor of the next ones. Raises InvalidRequest."""
    if cursor is not None and not _NUMBER.fullmatch(cursor):
        raise InvalidRequest(f"cursor: {cursor!r} is none that was given out")
    page = await documents.list_documents(
        services, caller, status=["indexed"], limit=LISTED, offset=int(cursor or 0)
    )
    return page.documents, None if page.next_offset is None else str(page.next_offset)


def _unknown(uri: str) -> NotFound:
    return NotFound(f"There is no resource {uri!r}; there are {TEXT_TEMPLATE} and {PAGE_TEMPLATE}")
