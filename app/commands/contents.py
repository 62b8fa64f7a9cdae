"""`llmops documents`, `delete`, `stats` and `clear`: what the knowledge base holds, without opening any model."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import typer

from app.commands.auditing import note
from app.commands.output import show_columns, show_json
from app.commands.remote import RemoteServer
from app.errors import InvalidRequest
from app.knowledge.store import KnowledgeStore, open_configured_store
from app.schemas import ClearResponse, DocumentInfo, DocumentList, DocumentPage, Stats
from app.settings import load_settings

_PAGE = 100


@contextmanager
def _store() -> Iterator[KnowledgeStore]:
    settings = load_settings()
    with open_configured_store(settings) as store:
        yield store


def list_documents(collection: str | None, *, server: str | None, as_json: bool) -> None:
    if server is None:
        with _store() as store:
            documents = store.list_documents(collection)
    else:
        documents = list(_on_server(RemoteServer(server), collection))
    if as_json:
        show_json(DocumentList(documents=documents))
        return
    heading = ("ID", "STATUS", "PAGES", "CHUNKS", "COLLECTION", "NAME")
    rows = [
        (info.document_id, info.status, info.pages or "", info.chunks, info.collection, info.name)
        for info in documents
    ]
    show_columns([heading, *rows])


def _on_server(server: RemoteServer, collection: str | None) -> Iterator[DocumentInfo]:
    offset: int | None = 0
    while offset is not None:
        page = server.get("/documents", DocumentPage, collection=collection, limit=_PAGE, offset=offset)
        yield from page.documents
        offset = page.next_offset


def delete(document_id: str, *, server: str | None, as_json: bool) -> None:
    if server is None:
        with _store() as store:
            store.delete_document(document_id)
        note("delete", "document", document_id)
    else:
        RemoteServer(server).delete(f"/documents/{quote(document_id, safe='')}")
    if as_json:
        show_json({"deleted": document_id})
    else:
        typer.echo(f"deleted {document_id}")


def clear(collection: str | None, *, confirmed: bool, server: str | None, as_json: bool) -> None:
    if not confirmed:
        raise InvalidRequest("this deletes every document and cannot be undone; add --yes to confirm")
    if server is None:
        with _store() as store:
            outcome = ClearResponse(deleted_documents=store.clear(collection))
        note("clear", "collection", collection, documents=outcome.deleted_documents)
    else:
        body = {"confirm": True, "collection": collection}
        outcome = RemoteServer(server).post("/clear", body, ClearResponse)
    if as_json:
        show_json(outcome)
    else:
        typer.echo(f"deleted {outcome.deleted_documents} documents")


def stats(*, server: str | None, as_json: bool) -> None:
    found = _own_stats() if server is None else RemoteServer(server).get("/stats", Stats)
    if as_json:
        show_json(found)
    else:
        fields = found.model_dump() | {
            "collections": ", ".join(f"{name}: {count}" for name, count in found.collections.items()),
            "chat_model": found.chat_model or "none",
            "demo_mode": "yes" if found.demo_mode else "no",
        }
        show_columns([(name.replace("_", " "), value) for name, value in fields.items()])


def _own_stats() -> Stats:
    settings = load_settings()
    with _store() as store:
        counts = store.stats()
    return Stats(
        documents=counts.documents,
        unfinished=counts.unfinished,
        failed=counts.failed,
        chunks=counts.chunks,
        collections=counts.collections,
        bytes=counts.bytes,
        embedding_model=settings.effective_embedding_model,
        chat_model=None if settings.demo_mode else settings.effective_chat_model,
        demo_mode=settings.demo_mode,
    )
