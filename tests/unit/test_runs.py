"""A run goes on no faster than its events are read, and ends with its reader."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, closing
from pathlib import Path
from typing import Any

import pytest

from app.errors import RunTimeout, TooManyRequests
from app.quotas import Places, Quota
from app.runs import RunLimits, Runner, RunRequest
from app.thread_locks import FileThreadLocks
from app.thread_memory_sqlite import open_sqlite_memory
from app.threads import Threads

EVENTS = 5_000

UNLIMITED = Quota("tokens of models", None, "memory://")


class Chatty:
    """Stands for a graph that says more than anybody has read when it is done."""

    checkpointer = None

    def __init__(self) -> None:
        self.said = 0
        self.has_ended = False

    async def astream(self, *_: object, **__: object) -> AsyncIterator[tuple[tuple[str, ...], Any]]:
        try:
            for self.said in range(1, EVENTS + 1):
                yield (), {"type": "token", "content": "x"}
            await asyncio.sleep(60)
        finally:
            self.has_ended = True


MakeRunner = Callable[..., Runner]


@pytest.fixture
async def runner_of(tmp_path: Path) -> AsyncIterator[MakeRunner]:
    with closing(FileThreadLocks(tmp_path / "threads.lock")) as locks:
        async with open_sqlite_memory(tmp_path / "threads.db") as memory:

            def make(graph: Any, timeout_s: float = 60.0, places: int = 9) -> Runner:
                limits = RunLimits(100, timeout_s, Places(each=places, together=9), lambda _: 6)
                return Runner(graph, graph, limits, locks, Threads(memory, graph, locks, None), UNLIMITED)

            yield make


async def test_a_reader_that_leaves_ends_a_run_that_waits_for_it(runner_of: MakeRunner) -> None:
    graph, request = Chatty(), RunRequest("anything?", thread_id="t")
    runner = runner_of(graph)

    async with aclosing(runner.stream(request)) as events:
        assert [(await anext(events))["type"] for _ in range(2)] == ["run", "token"]
        await asyncio.sleep(0.2)
        assert 0 < graph.said < EVENTS // 10

    assert graph.has_ended
    await runner.require_free(request)  # the thread is free again


async def test_a_run_that_takes_too_long_is_said_to_behind_all_its_events(runner_of: MakeRunner) -> None:
    events = runner_of(Chatty(), timeout_s=1.0).stream(RunRequest("anything?"))
    read = [await anext(events) for _ in range(EVENTS + 1)]

    assert len(read) == EVENTS + 1
    with pytest.raises(RunTimeout):
        await anext(events)


async def test_a_tenant_runs_only_so_many_questions_at_a_time(runner_of: MakeRunner) -> None:
    runner = runner_of(Chatty(), places=1)
    async with aclosing(runner.stream(RunRequest("anything?"))) as first:
        await anext(first)
        with pytest.raises(TooManyRequests):
            await runner.run(RunRequest("and this?"))
        async with aclosing(runner.stream(RunRequest("ours?", tenant="north"))) as other:
            await anext(other)
    async with aclosing(runner.stream(RunRequest("and now?"))) as later:
        assert (await anext(later))["type"] == "run"
