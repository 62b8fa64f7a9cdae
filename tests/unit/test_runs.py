"""A run goes on no faster than its events are read, and ends with its reader."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest

from app.errors import RunTimeout, StorageUnavailable
from app.runs import RunLimits, Runner, RunRequest
from app.thread_locks import ThreadLocks

EVENTS = 5_000


class Chatty:
    """Stands for a graph that says more than anybody has read when it is done."""

    checkpointer = None

    def __init__(self) -> None:
        self.said = 0
        self.has_ended = False

    async def astream(self, *_: object, **__: object) -> AsyncIterator[tuple[tuple[str, ...], str, Any]]:
        try:
            for self.said in range(1, EVENTS + 1):
                yield (), "custom", {"type": "token", "content": "x"}
            await asyncio.sleep(60)
        finally:
            self.has_ended = True


@pytest.fixture
def locks(tmp_path: Path) -> Iterator[ThreadLocks]:
    with closing(ThreadLocks(tmp_path / "threads.lock")) as locks:
        yield locks


def runner_of(graph: Any, locks: ThreadLocks, timeout_s: float = 60.0) -> Runner:
    return Runner(graph, graph, RunLimits(100, timeout_s, lambda _: 6), locks)


async def test_a_reader_that_leaves_ends_a_run_that_waits_for_it(locks: ThreadLocks) -> None:
    graph, request = Chatty(), RunRequest("anything?", thread_id="t")
    runner = runner_of(graph, locks)

    async with aclosing(runner.stream(request)) as events:
        assert [(await anext(events))["type"] for _ in range(2)] == ["run", "token"]
        await asyncio.sleep(0.2)
        assert 0 < graph.said < EVENTS // 10

    assert graph.has_ended
    runner.check(request)  # the thread is free again


async def test_a_run_that_takes_too_long_is_said_to_behind_all_its_events(locks: ThreadLocks) -> None:
    events = runner_of(Chatty(), locks, timeout_s=1.0).stream(RunRequest("anything?"))
    read = [await anext(events) for _ in range(EVENTS + 1)]

    assert len(read) == EVENTS + 1
    with pytest.raises(RunTimeout):
        await anext(events)


async def test_damage_to_the_memory_is_remembered(locks: ThreadLocks) -> None:
    class Damaged(Chatty):
        async def aget_state(self, _: object) -> None:
            raise sqlite3.DatabaseError("database disk image is malformed")

    runner = runner_of(Damaged(), locks)
    with pytest.raises(StorageUnavailable, match="malformed"):
        await runner.turns("t")

    assert runner.damage == "database disk image is malformed"
