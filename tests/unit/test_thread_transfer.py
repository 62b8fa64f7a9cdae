"""Conversations go from SQLite to PostgreSQL and back, and everybody may go on with them there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.errors import InvalidRequest
from app.schemas import FeedbackRequest
from app.thread_memory import ThreadMemory
from app.thread_memory_sqlite import open_sqlite_memory
from app.thread_transfer import export_threads, import_threads
from tests.thread_places import PLACES, opener
from tests.unit.test_thread_memory import talk, turn

THREADS = 120  # more than one page


async def contents(memory: ThreadMemory) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for tenant in await memory.conversations.tenants():
        for thread_id in await memory.conversations.ids(tenant):
            checkpoint = await memory.aget_tuple({"configurable": {"thread_id": thread_id}})
            found[thread_id] = (
                await memory.conversations.get(thread_id),
                await memory.plans.get(thread_id),
                checkpoint and (checkpoint.checkpoint, checkpoint.pending_writes),
            )
    return found


async def fill(memory: ThreadMemory) -> None:
    await talk(memory, "long", range(15))
    await talk(memory, "north/theirs", range(2))
    said = FeedbackRequest.model_validate({"run_id": "long-3", "score": -1, "comment": "no"})
    await memory.feedback.give(said, 7.5, tenant="default")
    await memory.conversations.rename("long", "A name of its user")
    await memory.plans.keep("waits", {"question": "Which rents rise?"}, ["one", "two"], 9.0)
    for number in range(THREADS):
        await memory.conversations.record(f"t{number}", [turn(f"r{number}")], float(number))
    last = await memory.aget_tuple({"configurable": {"thread_id": "long"}})
    assert last is not None
    await memory.aput_writes(last.config, [("turns", "half done")], "task")


@pytest.mark.parametrize("place", PLACES)
async def test_all_that_was_said_is_there_after_the_way_there_and_back(place: str, tmp_path: Path) -> None:
    exported, open_place = tmp_path / "exported.db", opener(place, tmp_path)
    async with open_sqlite_memory(tmp_path / "first.db") as first:
        await fill(first)
        before = await contents(first)
    assert len(before) == THREADS + 3
    async with open_place() as memory:
        assert await import_threads(tmp_path / "first.db", memory) == len(before)
        assert await contents(memory) == before
        assert await export_threads(memory, exported) == len(before)
        with pytest.raises(InvalidRequest):
            await import_threads(exported, memory)
    async with open_sqlite_memory(exported) as last:
        assert await contents(last) == before


@pytest.mark.parametrize("place", PLACES)
async def test_a_conversation_goes_on_where_it_was_put(place: str, tmp_path: Path) -> None:
    async with open_sqlite_memory(tmp_path / "first.db") as first:
        await talk(first, "t", range(2))
    async with opener(place, tmp_path)() as memory:
        await import_threads(tmp_path / "first.db", memory)
        remembered = await talk(memory, "t", range(2, 3))
        assert [said["question"] for said in remembered] == [f"What about t-{n}?" for n in range(3)]
        assert (await memory.conversations.info("t")).turn_count == 3
