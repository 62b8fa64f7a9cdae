"""`llmops backup` and `restore`: the whole data directory in one file, and back."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from pathlib import Path

import typer

from app.commands.auditing import note
from app.commands.output import show_json
from app.commands.progress import progress_bar
from app.knowledge.archive import Manifest
from app.knowledge.backup import back_up
from app.knowledge.originals import Originals, open_originals
from app.knowledge.restore import restore as restore_from
from app.knowledge.store import open_configured_store
from app.settings import Settings, load_settings
from app.thread_memory import ThreadMemory
from app.thread_storage import are_on_server, open_threads
from app.thread_transfer import export_threads, import_threads


def backup(file: Path, *, replace: bool, as_json: bool) -> None:
    settings = load_settings()
    with open_configured_store(settings):
        pass  # made or brought up to date where that is needed, as by every other command
    with progress_bar(quiet=as_json) as progress:
        task = progress.add_task(f"writing {file.name}", total=None, stage="bytes")
        manifest = back_up(
            settings.effective_database_url,
            settings.data_dir,
            file,
            replace=replace,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            write_threads=_with_server(settings, export_threads),
            originals=_elsewhere(settings),
        )
    size = file.stat().st_size
    if as_json:
        show_json({"file": str(file), "bytes": size, "manifest": asdict(manifest)})
    else:
        typer.echo(f"wrote {file}: {size / 1e6:.1f} MB, {_describe(manifest)}")


def restore(file: Path, *, replace: bool, as_json: bool) -> None:
    settings = load_settings()
    with progress_bar(quiet=as_json) as progress:
        task = progress.add_task(f"reading {file.name}", total=None, stage="bytes")
        restored = restore_from(
            file,
            settings.effective_database_url,
            settings.data_dir,
            replace=replace,
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
            take_threads=_with_server(settings, lambda memory, copy: import_threads(copy, memory)),
            originals=_elsewhere(settings),
        )
    note(
        "restore",
        "knowledge_base",
        None,
        documents=restored.manifest.documents,
        replaced=bool(restored.moved_aside),
    )
    aside = str(restored.moved_aside) if restored.moved_aside else None
    if as_json:
        show_json({"manifest": asdict(restored.manifest), "moved_aside": aside})
        return
    typer.echo(f"restored {settings.data_dir}: {_describe(restored.manifest)}")
    if aside:
        typer.echo(f"what was there before is in {aside}")
    model = restored.manifest.embedding_model
    if model not in (None, settings.effective_embedding_model):
        typer.echo(
            f"its embedding model is {model}: set LLMOPS_EMBEDDING_MODEL to it, or run `llmops reindex`"
        )


def _with_server(
    settings: Settings, carry: Callable[[ThreadMemory, Path], Awaitable[int]]
) -> Callable[[Path], int] | None:
    """What carries the conversations of a server from or into a file; None where they are a file themselves."""

    async def carry_over(file: Path) -> int:
        async with open_threads(settings) as storage:
            with storage.memory.translated("copied"):
                return await carry(storage.memory, file)

    return (lambda file: asyncio.run(carry_over(file))) if are_on_server(settings) else None


def _elsewhere(settings: Settings) -> Originals | None:
    """The originals that are not in the data directory."""
    return open_originals(settings.data_dir, settings.originals_url) if settings.originals_url else None


def _describe(manifest: Manifest) -> str:
    return (
        f"{manifest.documents} documents, {manifest.chunks} chunks, {manifest.originals} originals and "
        f"{manifest.threads} conversations of {manifest.created_at}"
    )
