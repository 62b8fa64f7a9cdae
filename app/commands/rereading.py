"""`llmops reindex ID…`: read single documents again, from their originals."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from functools import partial

import typer

from app.api.services import Services
from app.commands.auditing import note
from app.commands.indexing import describe, show_stage
from app.commands.output import fail, printable, show_json
from app.commands.progress import progress_bar
from app.commands.remote import RemoteServer
from app.schemas import DocumentInfo, DocumentList
from app.settings import Settings, load_settings
from server import open_services


def read_again(document_ids: Sequence[str], *, server: str | None, as_json: bool) -> None:
    """One after another; a reading that fails keeps no other from it, but makes the command fail in the end."""
    if server is None:
        documents = asyncio.run(_read_again(load_settings(), document_ids, quiet=as_json))
        for info in documents:
            note("reindex", "document", info.document_id)
    else:
        remote = RemoteServer(server)
        documents = [remote.reindex(document_id) for document_id in document_ids]
    if as_json:
        show_json(DocumentList(documents=documents))
    else:
        for info in documents:
            typer.echo(_describe(info))
    failed = sum(info.status != "indexed" or info.reindexing is not None for info in documents)
    if failed:
        fail(f"{failed} of {len(documents)} documents could not be read again")


async def _read_again(settings: Settings, document_ids: Sequence[str], *, quiet: bool) -> list[DocumentInfo]:
    documents = []
    async with open_services(settings) as services:
        known = [services.knowledge.store.get_document(document_id) for document_id in document_ids]
        with progress_bar(quiet=quiet) as progress:
            task = progress.add_task("", total=len(known), stage="")
            for info in known:
                progress.update(task, description=printable(info.name))
                report = partial(show_stage, progress, task)
                documents.append(await services.in_ingestion_pool(_read_one, services, info, report))
                progress.advance(task)
    return documents


def _read_one(
    services: Services, info: DocumentInfo, report: Callable[[str, int, int], None]
) -> DocumentInfo:
    services.ingestion.ingestor.reindex(info.document_id)
    return services.ingestion.ingestor.finish(info.document_id, on_progress=report)


def _describe(info: DocumentInfo) -> str:
    if info.reindexing is None:
        return describe(info.name, info)
    error = info.reindexing.error
    reason = f"{error.detail} ({error.code})" if error else "cancelled"
    return f"failed   {printable(info.name)}: {printable(reason)}; what was read before still counts"
