"""Conversations are remembered in a file that grows with what is remembered, not with what was said."""

from __future__ import annotations

import operator
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Annotated, Any

from langchain_core.runnables import RunnableConfig
from langgraph.graph import END, START, StateGraph
from typing_extensions import TypedDict

from app.thread_memory import ThreadMemory, open_threads

TURNS = 80
ANSWER = "x" * 4_000


class State(TypedDict):
    turns: Annotated[list[str], operator.add]


async def talk(threads: ThreadMemory, thread_id: str, turns: int) -> list[str]:
    graph: StateGraph[Any, Any, Any, Any] = StateGraph(State)
    graph.add_node("answer", lambda _: {"turns": [ANSWER]})
    graph.add_edge(START, "answer")
    graph.add_edge("answer", END)
    compiled = graph.compile(checkpointer=threads)
    config: RunnableConfig = {"configurable": {"thread_id": thread_id}}
    for _ in range(turns):
        await compiled.ainvoke({"turns": []}, config, durability="exit")
    remembered: list[str] = (await compiled.aget_state(config)).values["turns"]
    return remembered


async def test_eighty_turns_take_the_room_of_eighty_turns(tmp_path: Path) -> None:
    path = tmp_path / "threads.db"
    async with open_threads(path) as threads:
        assert len(await talk(threads, "other", 1)) == 1
        assert len(await talk(threads, "long", TURNS)) == TURNS
    async with open_threads(path) as threads:
        assert len(await talk(threads, "long", 1)) == TURNS + 1
        assert len(await talk(threads, "other", 1)) == 2

    with closing(sqlite3.connect(path)) as database:
        kept = database.execute("SELECT thread_id FROM checkpoints ORDER BY thread_id").fetchall()
    assert kept == [("long",), ("other",)]
    assert path.stat().st_size < 4 * TURNS * len(ANSWER)
