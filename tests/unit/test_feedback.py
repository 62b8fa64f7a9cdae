"""What is said of answers lies in the conversations' file, also in one of an earlier version, and leaves no trace."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from app.errors import UnknownRun
from app.schemas import Feedback, FeedbackRequest
from app.thread_memory import ThreadMemory
from app.thread_memory_sqlite import open_sqlite_memory
from tests.unit.test_thread_memory import contents_of, talk

SECRET = "the boss is never in on Fridays"


def words(score: int, comment: str | None = None, run_id: str = "t-0") -> FeedbackRequest:
    return FeedbackRequest.model_validate({"run_id": run_id, "score": score, "comment": comment})


async def said(memory: ThreadMemory, thread_id: str = "t") -> list[Feedback | None]:
    return [turn.feedback for turn in (await memory.conversations.get(thread_id)).turns]


async def test_a_file_of_an_earlier_version_takes_feedback(tmp_path: Path) -> None:
    path = tmp_path / "threads.db"
    async with open_sqlite_memory(path) as memory:
        await talk(memory, "t", range(2))
    with closing(sqlite3.connect(path)) as database:
        database.executescript("DROP TABLE feedback; DROP INDEX ix_turns_run_id")
    async with open_sqlite_memory(path) as memory:
        given = await memory.feedback.give(words(-1, "no"), 12.5, tenant="default")
        assert await said(memory) == [given, None]
    async with open_sqlite_memory(path) as memory:
        assert await said(memory) == [given, None]
        assert given.given_at.timestamp() == 12.5


async def test_a_run_that_is_nowhere_is_unknown_and_leaves_no_row(tmp_path: Path) -> None:
    async with open_sqlite_memory(tmp_path / "threads.db") as memory:
        await talk(memory, "t", range(1))
        with pytest.raises(UnknownRun):
            await memory.feedback.give(words(1, run_id="t-1"), 0, tenant="default")
        with pytest.raises(UnknownRun):
            await memory.feedback.withdraw("t-0", tenant="default")
        assert await said(memory) == [None]
        assert list(await memory.conn.execute_fetchall("SELECT * FROM feedback")) == []


async def test_two_processes_at_once_keep_one_row(tmp_path: Path) -> None:
    path = tmp_path / "threads.db"
    async with open_sqlite_memory(path) as one, open_sqlite_memory(path) as other:
        await talk(one, "t", range(1))
        given = await asyncio.gather(
            *(
                memory.feedback.give(words(score), n, tenant="default")
                for n in range(20)
                for memory, score in ((one, 1), (other, -1))
            )
        )
        [kept] = await said(one)
        assert kept in given
        assert await said(other) == [kept]


@pytest.mark.parametrize("by", ["withdrawal", "deletion of the thread"])
async def test_a_comment_that_is_gone_is_in_no_file(tmp_path: Path, by: str) -> None:
    async with open_sqlite_memory(tmp_path / "threads.db") as memory:
        await talk(memory, "t", range(1))
        await memory.feedback.give(words(-1, SECRET), 0, tenant="default")
        assert any(SECRET.encode() in content for content in contents_of(tmp_path).values())
        if by == "withdrawal":
            await memory.feedback.withdraw("t-0", tenant="default")
        else:
            await memory.forget("t")
        assert not any(SECRET.encode() in content for content in contents_of(tmp_path).values())
