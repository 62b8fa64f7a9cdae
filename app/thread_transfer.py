"""Carries conversations from one database to another, of whatever kind: into a backup, and out of it.

A backup has them as a file of SQLite. What is in our tables goes over row by row. LangGraph's tables differ: the newest
checkpoint of each conversation, and there is no other, goes through the savers' public methods.
"""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Any, Final

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import CheckpointTuple
from sqlalchemy import Table, func, literal, select, tuple_

from app.errors import InvalidRequest
from app.thread_database import ThreadConnection
from app.thread_memory import ThreadMemory
from app.thread_memory_sqlite import open_sqlite_memory
from app.thread_tables import metadata, threads

_PAGE: Final = 100


async def export_threads(source: ThreadMemory, file: Path) -> int:
    """Write all conversations into a new file, and tell how many there are; see `copy_threads`."""
    async with open_sqlite_memory(file) as target:
        count = await copy_threads(source, target)
        await target.database.empty_log()
    return count


async def import_threads(file: Path, target: ThreadMemory) -> int:
    """Take in what `export_threads` has written, or a data directory's own file; see `copy_threads`."""
    async with open_sqlite_memory(file) as source:
        return await copy_threads(source, target)


async def copy_threads(source: ThreadMemory, target: ThreadMemory) -> int:
    """Copy every conversation as it is at one moment, and tell how many there are; others may go on with the source.

    What runs without an answer have left is not copied: it belongs to no conversation.

    Raises:
        InvalidRequest: the target has conversations already.
    """
    async with source.database.reading() as there, target.database.writing() as here:
        if await here.value(select(func.count()).select_from(threads)):
            raise InvalidRequest("there are conversations already where others are to be put")
        for table in metadata.sorted_tables:
            await _copy_rows(there, here, table)
        thread_ids = await here.values(select(threads.c.thread_id))
    for thread_id in thread_ids:
        found = await source.aget_tuple({"configurable": {"thread_id": thread_id}})
        if found is not None:
            await _put(target, thread_id, found)
    return len(thread_ids)


async def _copy_rows(there: ThreadConnection, here: ThreadConnection, table: Table) -> None:
    key = list(table.primary_key)
    page = select(table).order_by(*key).limit(_PAGE)
    rows = await there.rows(page)
    while rows:
        named = [dict(zip(table.columns.keys(), row, strict=True)) for row in rows]
        await here.insert_all(table, named)
        last = tuple_(*(literal(named[-1][column.name]) for column in key))
        rows = await there.rows(page.where(tuple_(*key) > last))


async def _put(target: ThreadMemory, thread_id: str, found: CheckpointTuple) -> None:
    place: RunnableConfig = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
    stored = await target.aput(place, found.checkpoint, found.metadata, found.checkpoint["channel_versions"])
    writes: dict[str, list[tuple[str, Any]]] = defaultdict(list)
    for task_id, channel, value in found.pending_writes or ():
        writes[task_id].append((channel, value))
    for task_id, written in writes.items():
        await target.aput_writes(stored, written, task_id)
