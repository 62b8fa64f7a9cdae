"""`llmops index`: read files and folders into the knowledge base."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import typer
from rich.progress import Progress, TaskID

from app.api.services import Services
from app.commands.auditing import note
from app.commands.output import fail, place, printable, show_json
from app.commands.progress import progress_bar
from app.commands.remote import RemoteServer
from app.errors import BodyTooLarge, InvalidRequest
from app.ingestion.media_types import EXTENSIONS
from app.knowledge.document_queue import UNFINISHED
from app.schemas import DEFAULT_COLLECTION, DocumentInfo, DocumentList
from app.settings import Settings, load_settings
from server import open_services


def index(paths: Sequence[Path], *, collection: str | None, server: str | None, as_json: bool) -> None:
    """Index every file; one that fails keeps no other out, but makes the command fail in the end."""
    files = [file for path in paths for file in find_files(path)]
    if not files:
        kinds = " ".join(sorted(EXTENSIONS))
        raise InvalidRequest(f"no file to index; of a folder, files with these endings are taken: {kinds}")
    for file in files:
        _require_readable(file)
    if server is None:
        settings = load_settings()
        for file in files:
            _require_acceptable(file, settings.max_upload_mb)
        collection = collection or DEFAULT_COLLECTION
        documents = asyncio.run(_index(settings, files, collection, quiet=as_json))
        note("index", "collection", collection, document_ids=[info.document_id for info in documents])
    else:
        documents = _upload(RemoteServer(server), files, collection, quiet=as_json)
    if as_json:
        show_json(DocumentList(documents=documents))
    else:
        for file, info in zip(files, documents, strict=True):
            typer.echo(describe(file.name, info))
    failed = sum(info.status == "failed" for info in documents)
    if failed:
        fail(f"{failed} of {len(documents)} files could not be indexed")


def find_files(path: Path) -> Iterator[Path]:
    """A file as it is, whatever its kind; of a folder, everything that a loader reads and that is not hidden.

    Raises:
        InvalidRequest: there is nothing at `path`.
    """
    if not path.exists():
        raise InvalidRequest(f"{str(path)!r} does not exist")
    if not path.is_dir():
        yield path
        return
    for found in sorted(path.rglob("*")):
        is_hidden = any(part.startswith(".") for part in found.relative_to(path).parts)
        if found.suffix.lower() in EXTENSIONS and not is_hidden and found.is_file():
            yield found


def _require_readable(file: Path) -> None:
    """Refuse before the first file is indexed what could not be read after it."""
    if not os.access(file, os.R_OK):
        raise InvalidRequest(f"{str(file)!r} cannot be read: permission denied")


def _require_acceptable(file: Path, max_mb: int) -> None:
    if file.stat().st_size > max_mb * 1024 * 1024:
        raise BodyTooLarge(f"{str(file)!r} is larger than LLMOPS_MAX_UPLOAD_MB={max_mb}")


async def _index(
    settings: Settings, files: Sequence[Path], collection: str, *, quiet: bool
) -> list[DocumentInfo]:
    documents = []
    async with open_services(settings) as services:
        with progress_bar(quiet=quiet) as progress:
            task = progress.add_task("", total=len(files), stage="")
            for file in files:
                progress.update(task, description=printable(file.name))
                report = partial(show_stage, progress, task)
                documents.append(
                    await services.in_ingestion_pool(_index_one, services, file, collection, report)
                )
                progress.advance(task)
    return documents


def _upload(
    server: RemoteServer, files: Sequence[Path], collection: str | None, *, quiet: bool
) -> list[DocumentInfo]:
    documents = []
    with progress_bar(quiet=quiet) as progress:
        task = progress.add_task("", total=len(files), stage="")
        for file in files:
            progress.update(task, description=printable(file.name))
            documents.append(server.upload(file, collection))
            progress.advance(task)
    return documents


def show_stage(progress: Progress, task: TaskID, stage: str, done: int, total: int) -> None:
    progress.update(task, stage=f"{stage} {done}/{total}")


def _index_one(
    services: Services, file: Path, collection: str, report: Callable[[str, int, int], None]
) -> DocumentInfo:
    ingestor, data = services.ingestion.ingestor, file.read_bytes()
    info = ingestor.ingest_bytes(data, file.name, collection=collection, on_progress=report)
    if info.status not in UNFINISHED:
        return info
    return ingestor.finish(info.document_id, on_progress=report)


def describe(file_name: str, info: DocumentInfo) -> str:
    name = place(file_name, None)
    if info.error is not None:
        return f"failed   {name}: {printable(info.error.detail)} ({info.error.code})"
    if info.duplicate:
        known_as = "" if info.name == file_name else f", with the same content as {place(info.name, None)}"
        return f"known    {name}{known_as}, {info.document_id}"
    pages = f"{info.pages} pages, " if info.pages else ""
    chunks = "1 chunk" if info.chunks == 1 else f"{info.chunks} chunks"
    return f"indexed  {name}: {pages}{chunks}, {info.document_id}"
