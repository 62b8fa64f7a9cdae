"""Conversations are remembered in a file that grows with what was said, and nothing of them is dropped."""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from typing_extensions import TypedDict

from app.state import REMEMBERED_TURNS, TurnRecord, keep_recent
from app.thread_memory_sqlite import open_sqlite_memory

TURNS = 80
SENTENCE = "x" * 4_000


class State(TypedDict):
    run_id: str
    turns: Annotated[list[TurnRecord], keep_recent]


def graph_with(checkpointer: AsyncSqliteSaver) -> CompiledStateGraph[Any, Any, Any, Any]:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    graph.add_node("remember", lambda state: {"turns": [turn(state["run_id"])]})
    graph.add_edge(START, "remember")
    graph.add_edge("remember", END)
    return graph.compile(checkpointer=checkpointer)


def turn(run_id: str) -> TurnRecord:
    answer = {
        "answer": SENTENCE,
        "agent": "qa",
        "mode": "demo",
        "model": "extractive",
        "thread_id": "t",
        "run_id": run_id,
    }
    return {"question": f"What about {run_id}?", "answer": answer}


def contents_of(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir()}


async def talk(checkpointer: AsyncSqliteSaver, thread_id: str, run_ids: range) -> list[TurnRecord]:
    graph = graph_with(checkpointer)
    config: RunnableConfig = {"configurable": {"thread_id": thread_id}}
    for run_id in run_ids:
        await graph.ainvoke({"run_id": f"{thread_id}-{run_id}"}, config, durability="exit")
    remembered: list[TurnRecord] = (await graph.aget_state(config)).values["turns"]
    return remembered


async def test_eighty_turns_take_the_room_of_eighty_turns(tmp_path: Path) -> None:
    path = tmp_path / "threads.db"
    async with open_sqlite_memory(path) as memory:
        assert len(await talk(memory, "other", range(1))) == 1
        assert len(await talk(memory, "long", range(TURNS))) == REMEMBERED_TURNS
    async with open_sqlite_memory(path) as memory:
        assert len(await talk(memory, "other", range(1, 2))) == 2
        questions = [turn.question for turn in (await memory.conversations.get("long")).turns]
        assert questions == [f"What about long-{n}?" for n in range(TURNS)]

    with closing(sqlite3.connect(path)) as database:
        kept = database.execute("SELECT thread_id FROM checkpoints ORDER BY thread_id").fetchall()
    assert kept == [("long",), ("other",)]
    assert path.stat().st_size < 3 * TURNS * len(SENTENCE)


async def test_one_more_turn_writes_no_more_on_a_long_thread(tmp_path: Path) -> None:
    written: list[int] = []
    async with open_sqlite_memory(tmp_path / "threads.db") as memory:
        for start in (REMEMBERED_TURNS, 10 * REMEMBERED_TURNS):
            await talk(memory, "t", range(start - REMEMBERED_TURNS, start))
            await memory.conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            await talk(memory, "t", range(start, start + 1))
            written.append((tmp_path / "threads.db-wal").stat().st_size)
    assert written[1] < 1.5 * written[0]


async def test_conversations_of_earlier_versions_are_listed(tmp_path: Path) -> None:
    path = tmp_path / "threads.db"
    async with AsyncSqliteSaver.from_conn_string(str(path)) as bare:
        await talk(bare, "old", range(3))
    for _ in range(2):
        async with open_sqlite_memory(path) as memory:
            page = await memory.conversations.page(query=None, limit=10, offset=0)
            assert [(info.thread_id, info.turn_count) for info in page.threads] == [("old", 3)]
            assert page.threads[0].title == "What about old-0?"


async def test_what_is_deleted_is_in_no_file(tmp_path: Path) -> None:
    async with open_sqlite_memory(tmp_path / "threads.db") as memory:
        await talk(memory, "kept", range(1))
        await talk(memory, "gone-for-good", range(2))
        await memory.forget("gone-for-good")
        files = contents_of(tmp_path)
        assert await memory.aget_tuple({"configurable": {"thread_id": "gone-for-good"}}) is None
    assert files.keys() >= {"threads.db", "threads.db-wal"}
    assert not any(b"gone-for-good" in data for data in files.values())
    assert b"kept-0" in files["threads.db"]


async def test_taking_over_earlier_conversations_goes_on_after_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "threads.db"
    async with open_sqlite_memory(path) as memory:
        await talk(memory, "t", range(2))
        await memory.conn.execute("PRAGMA user_version = 0")  # as where the process ended in between
        await memory.conn.execute("DELETE FROM turns")
        await memory.conn.commit()
    async with open_sqlite_memory(path) as memory:
        assert (await memory.conversations.info("t")).turn_count == 2
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA user_version").fetchone() == (1,)


async def test_what_is_cut_off_while_it_is_stored_leaves_no_transaction(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_sqlite_memory(tmp_path / "threads.db") as memory:
        await talk(memory, "t", range(1))
        found = await memory.aget_tuple({"configurable": {"thread_id": "t"}})
        assert found is not None
        stuck = asyncio.Event()

        async def wait_for_ever() -> None:
            stuck.set()
            await asyncio.Event().wait()

        for store in (
            lambda: memory.aput(found.config, {**found.checkpoint, "channel_values": {}}, found.metadata, {}),
            lambda: memory.aput_writes(found.config, [("turns", "x")], "task"),
        ):
            stuck.clear()
            with monkeypatch.context() as patch:
                patch.setattr(memory.conn, "commit", wait_for_ever)
                storing = asyncio.create_task(store())
                await stuck.wait()
                assert memory.conn.in_transaction
                storing.cancel()
                await asyncio.wait([storing])
            assert not memory.conn.in_transaction
        assert len(await talk(memory, "t", range(1, 2))) == 2


async def test_what_is_cut_off_while_it_waits_undoes_nothing_of_another(tmp_path: Path) -> None:
    async with open_sqlite_memory(tmp_path / "threads.db") as memory:
        await talk(memory, "t", range(1))
        found = await memory.aget_tuple({"configurable": {"thread_id": "t"}})
        assert found is not None
        for store in (
            lambda: memory.aput(found.config, {**found.checkpoint, "channel_values": {}}, found.metadata, {}),
            lambda: memory.aput_writes(found.config, [("turns", "x")], "task"),
        ):
            async with memory.lock:
                await memory.conn.execute("UPDATE threads SET title = title || '!'")
                waiting = asyncio.create_task(store())
                await asyncio.sleep(0.01)
                waiting.cancel()
                await asyncio.wait([waiting])
                await memory.conn.commit()
        assert (await memory.conversations.info("t")).title.endswith("!!")
