"""`llmops threads`: the conversations, without opening any model."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TypeVar

import typer
from pydantic import ValidationError

from app.api.thread_export import as_markdown
from app.commands.auditing import note
from app.commands.output import printable, show_columns, show_json
from app.conversations import Conversations
from app.errors import InvalidRequest
from app.schemas import RenameRequest
from app.settings import load_settings
from app.thread_storage import ThreadStorage, open_threads

_LISTED = 1_000

T = TypeVar("T")


@asynccontextmanager
async def _storage() -> AsyncIterator[ThreadStorage]:
    settings = load_settings()
    settings.data_dir.mkdir(parents=True, exist_ok=True)
    async with open_threads(settings) as storage:
        with storage.memory.translated("used"):
            yield storage


def _with_conversations(use: Callable[[Conversations], Awaitable[T]]) -> T:
    async def run() -> T:
        async with _storage() as storage:
            return await use(storage.memory.conversations)

    return asyncio.run(run())


def list_threads(query: str | None, *, as_json: bool) -> None:
    page = _with_conversations(lambda known: known.page(query=query, limit=_LISTED, offset=0))
    if as_json:
        show_json(page)
        return
    rows = [
        (info.thread_id, f"{info.updated_at:%Y-%m-%d %H:%M}", info.turn_count, info.title)
        for info in page.threads
    ]
    show_columns([("ID", "LAST USED (UTC)", "TURNS", "TITLE"), *rows])
    if page.next_offset is not None:
        typer.echo(f"and {page.total - page.next_offset} more; narrow them down with --query")


def export(thread_id: str, *, as_json: bool) -> None:
    thread = _with_conversations(lambda known: known.get(thread_id))
    if as_json:
        show_json(thread)
    else:
        typer.echo(printable(as_markdown(thread)), nl=False)


def rename(thread_id: str, title: str, *, as_json: bool) -> None:
    try:
        line = RenameRequest(title=title).title
    except ValidationError as error:
        raise InvalidRequest(f"title: {error.errors()[0]['msg']}") from None
    info = _with_conversations(lambda known: known.rename(thread_id, line))
    note("rename", "thread", thread_id)
    if as_json:
        show_json(info)
    else:
        typer.echo(f"renamed {info.thread_id} to {printable(info.title)}")


def delete(thread_id: str, *, as_json: bool) -> None:
    async def forget() -> None:
        async with _storage() as storage, storage.locks.claim(thread_id):
            await storage.memory.forget(thread_id)

    asyncio.run(forget())
    note("delete", "thread", thread_id)
    if as_json:
        show_json({"deleted": thread_id})
    else:
        typer.echo(f"deleted {printable(thread_id)}")
