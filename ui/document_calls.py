"""What the service is asked about documents and collections."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from app.schemas import (
    CollectionInfo,
    CollectionList,
    DocumentInfo,
    DocumentList,
    DocumentPage,
    DocumentStatus,
)
from ui.connection import Connection, ServerRefused, read_wire

_DOWNLOAD_S = 300.0
_DRAWING_S = 60.0


class PageImage(NamedTuple):
    """A page as PNG; `highlight` says how much of the span is marked in it: whole, partial, missing or none."""

    png: bytes
    highlight: str


class DocumentCalls(Connection):
    """`Client` has these calls among others."""

    def find_documents(
        self,
        *,
        collection: str | None = None,
        statuses: Sequence[DocumentStatus] = (),
        name: str = "",
        limit: int,
        offset: int = 0,
    ) -> DocumentPage:
        """Some of the documents that fit, newest first; without a collection, of all."""
        wanted = {"collection": collection, "name": name, "status": list(statuses)}
        params = {key: value for key, value in wanted.items() if value} | {"limit": limit, "offset": offset}
        return read_wire(DocumentPage, self._request("GET", "/documents", params=params))

    def add_text(self, text: str, *, name: str, collection: str | None) -> DocumentInfo:
        """Index a text that somebody typed or pasted; it can be asked about when this returns."""
        body = {"documents": [{"text": text, "name": name or None}], "collection": collection}
        return read_wire(DocumentList, self._request("POST", "/index", json=body)).documents[0]

    def original(self, document_id: str) -> bytes:
        return self._request("GET", f"/documents/{document_id}/file", timeout=_DOWNLOAD_S).content

    def document(self, document_id: str) -> DocumentInfo:
        return read_wire(DocumentInfo, self._request("GET", f"/documents/{document_id}"))

    def text_between(self, document_id: str, start: int, end: int) -> str:
        """A part of the stored text, into which the spans of citations point; empty where the text ends before it."""
        params = {"start": start, "end": end}
        try:
            response = self._request("GET", f"/documents/{document_id}/text", params=params)
        except ServerRefused as refusal:
            if refusal.code == "span_outside_text":
                return ""
            raise
        return response.content.decode("utf-8", errors="replace")

    def page_image(self, document_id: str, page: int, *, start: int, end: int) -> PageImage:
        """A page of a PDF with a span of the stored text highlighted."""
        response = self._request(
            "GET",
            f"/documents/{document_id}/pages/{page}.png",
            params={"start": start, "end": end},
            timeout=_DRAWING_S,
        )
        return PageImage(response.content, response.headers.get("x-highlight", "none"))

    def collections(self) -> list[CollectionInfo]:
        return read_wire(CollectionList, self._request("GET", "/collections")).collections

    def create_collection(self, name: str) -> CollectionInfo:
        return read_wire(CollectionInfo, self._request("POST", "/collections", json={"name": name}))

    def delete_collection(self, name: str) -> None:
        self._request("DELETE", f"/collections/{name}")
