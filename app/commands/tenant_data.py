"""`llmops tenants`: all data of one tenant, without a running server or beside one."""

from __future__ import annotations

import asyncio
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile

import typer

from app.commands.auditing import note
from app.commands.output import printable, show_columns, show_json
from app.errors import InvalidRequest, NotFound, UnknownTenant
from app.knowledge.batches import Batches
from app.knowledge.deletion_proof import purge_snapshots
from app.knowledge.store import KnowledgeStore, open_configured_store
from app.knowledge.tenants import Tenants
from app.schemas import DocumentInfo
from app.settings import load_settings
from app.thread_storage import open_threads

_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,8}")


@contextmanager
def _opened() -> Iterator[tuple[KnowledgeStore, Tenants]]:
    settings = load_settings()
    with open_configured_store(settings) as store:
        yield store, store.tenants()


def list_tenants(*, as_json: bool) -> None:
    with _opened() as (store, tenants):
        rows = [
            (name, len(store.list_documents(tenant=name)), len(store.keys().all(name)))
            for name in _names(tenants)
        ]
    if as_json:
        show_json(
            {"tenants": [{"name": name, "documents": count, "keys": keys} for name, count, keys in rows]}
        )
    else:
        show_columns([("TENANT", "DOCUMENTS", "KEYS"), *rows])


def export(tenant: str, file: Path, *, as_json: bool) -> None:
    """Names in the file are made of ids: what a document is called must not decide where it is unpacked."""
    with _opened() as (store, tenants):
        _require(tenants, tenant)
        with _created(file) as target, ZipFile(target, "w", ZIP_DEFLATED) as archive:
            documents = store.list_documents(tenant=tenant)
            for document in documents:
                _write_document(archive, store, document)
            _write_batches(archive, store.batches(lease_s=0), tenants.job_ids(tenant))
            threads = asyncio.run(_write_threads(archive, tenant))
    if as_json:
        show_json({"file": str(file), "documents": len(documents), "threads": threads})
    else:
        typer.echo(f"wrote {printable(str(file))}: {len(documents)} documents, {threads} conversations")


def erase(tenant: str, *, confirmed: bool, as_json: bool) -> None:
    if not confirmed:
        raise InvalidRequest(
            "this forgets everything of the tenant and cannot be undone; add --yes to confirm"
        )
    with _opened() as (_, tenants):
        _require(tenants, tenant)
        documents = tenants.erase(tenant)
    settings = load_settings()
    purge_snapshots(settings.effective_database_url, settings.data_dir)
    threads = asyncio.run(_erase_threads(tenant))
    note("erase", "tenant", tenant, documents=documents, threads=threads)
    if as_json:
        show_json({"erased": tenant, "documents": documents, "threads": threads})
    else:
        typer.echo(f"erased {tenant}: {documents} documents, {threads} conversations")


def _created(file: Path) -> BinaryIO:
    """A new file that nobody else on this machine can read; it holds all that the tenant has. Raises InvalidRequest."""
    try:
        descriptor = os.open(file, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    except OSError as error:
        raise InvalidRequest(f"{str(file)!r} cannot be written: {error.strerror}") from None
    return os.fdopen(descriptor, "wb")


def _names(tenants: Tenants) -> list[str]:
    return sorted(tenants.names() | asyncio.run(_tenants_of_threads()))


def _require(tenants: Tenants, name: str) -> None:
    if name not in _names(tenants):
        raise UnknownTenant(f"There is nothing of a tenant {name!r}")


def _write_document(archive: ZipFile, store: KnowledgeStore, document: DocumentInfo) -> None:
    folder = f"documents/{document.document_id}"
    archive.writestr(f"{folder}/about.json", document.model_dump_json(indent=2))
    extension = PurePosixPath(document.name).suffix
    ending = extension if _EXTENSION.fullmatch(extension) else ""
    try:
        archive.writestr(f"{folder}/original{ending}", store.original(document.document_id))
        archive.writestr(f"{folder}/text.txt", store.document_text(document.document_id))
    except NotFound:
        pass  # one that failed has no text, and somebody may have taken the file


def _write_batches(archive: ZipFile, batches: Batches, job_ids: list[str]) -> None:
    for job_id in job_ids:
        results = [result.model_dump(mode="json") for result in batches.results(job_id)]
        archive.writestr(f"batches/{job_id}.json", json.dumps(results, ensure_ascii=False, indent=2))


async def _write_threads(archive: ZipFile, tenant: str) -> int:
    count = 0
    async with open_threads(load_settings()) as storage:
        known = storage.memory.conversations
        for thread_id in await known.ids(tenant):
            thread = await known.get(thread_id)
            count += 1
            archive.writestr(f"threads/{count}.json", thread.model_dump_json(indent=2))
    return count


async def _erase_threads(tenant: str) -> int:
    async with open_threads(load_settings()) as storage:
        return await storage.memory.forget_all(tenant)


async def _tenants_of_threads() -> set[str]:
    async with open_threads(load_settings()) as storage:
        return await storage.memory.conversations.tenants()
