"""A thread belongs to one run at a time among processes that share nothing but PostgreSQL."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import Any

import anyio
import pytest

from app.errors import StorageUnavailable, ThreadBusy
from app.quotas import Places
from app.runs import RunLimits, Runner, RunRequest
from app.schemas import Resume
from app.thread_leases import ThreadLeases, lease_metadata
from app.thread_memory import ThreadMemory
from app.thread_memory_postgres import open_postgres_memory
from app.thread_storage import ThreadStorage, open_threads
from app.threads import Threads
from tests.live import make_settings
from tests.postgres import Cluster
from tests.thread_places import new_database
from tests.unit.test_runs import UNLIMITED, Chatty

pytestmark = pytest.mark.postgres


LEASE_S = 2.0
HOLD = f"""
import asyncio, sys
from app.thread_leases import ThreadLeases, lease_metadata
from app.thread_memory_postgres import open_postgres_memory
async def hold():
    async with open_postgres_memory(sys.argv[1], lease_metadata) as memory:
        locks = ThreadLeases(memory, lease_s={LEASE_S}, every_s=0.2)
        locks.start()
        async with locks.claim("t"):
            print("held", flush=True)
            await asyncio.sleep(60)
asyncio.run(hold())
"""


@pytest.fixture
def url() -> str:
    return new_database()


@pytest.fixture
async def memories(url: str) -> AsyncIterator[tuple[ThreadMemory, ThreadMemory]]:
    async with open_postgres_memory(url, lease_metadata) as one, open_postgres_memory(url) as other:
        yield one, other


async def test_a_thread_is_busy_in_every_process_until_its_run_ends(
    memories: tuple[ThreadMemory, ThreadMemory],
) -> None:
    one, other = map(ThreadLeases, memories)
    for _ in range(2):
        async with one.claim("shared"), other.claim("another"):
            for locks in (one, other):
                with pytest.raises(ThreadBusy):
                    await locks.require_free("shared")
            await other.require_free("free")
    await other.require_free("shared")


async def test_of_many_who_ask_at_once_one_has_the_thread(
    memories: tuple[ThreadMemory, ThreadMemory],
) -> None:
    has_begun, holders = asyncio.Event(), 0

    async def ask(locks: ThreadLeases) -> bool:
        nonlocal holders
        try:
            async with locks.claim("t"):
                holders += 1
                assert holders == 1
                await has_begun.wait()
                holders -= 1
        except ThreadBusy:
            return False
        return True

    asking = [asyncio.create_task(ask(ThreadLeases(memory))) for memory in memories * 5]
    while sum(task.done() for task in asking) < len(asking) - 1:  # noqa: ASYNC110
        await asyncio.sleep(0.01)
    has_begun.set()
    assert sum(await asyncio.gather(*asking)) == 1


async def test_a_lease_is_prolonged_while_its_process_lives_and_ends_after_its_death(
    memories: tuple[ThreadMemory, ThreadMemory], url: str
) -> None:
    here = ThreadLeases(memories[0])
    other = await asyncio.create_subprocess_exec(
        sys.executable, "-c", HOLD, url, stdout=asyncio.subprocess.PIPE
    )
    try:
        assert other.stdout is not None
        assert await other.stdout.readline() == b"held\n"
        await asyncio.sleep(2 * LEASE_S)
        with pytest.raises(ThreadBusy):
            await here.require_free("t")
    finally:
        other.kill()
        await other.wait()
    await asyncio.sleep(1.2 * LEASE_S)
    await here.require_free("t")


async def test_who_was_too_late_does_not_free_the_thread_of_another(
    memories: tuple[ThreadMemory, ThreadMemory],
) -> None:
    one, other = ThreadLeases(memories[0], lease_s=0.1), ThreadLeases(memories[1])
    late = one.claim("t")
    await late.__aenter__()
    await asyncio.sleep(0.2)
    async with other.claim("t"):
        await late.__aexit__(None, None, None)
        with pytest.raises(ThreadBusy):
            await one.require_free("t")


async def test_a_thread_is_free_as_soon_as_its_reader_has_hung_up(url: str) -> None:
    async with open_postgres_memory(url, lease_metadata) as memory:
        leases = ThreadLeases(memory)
        for delay in (0.0, 0.001, 0.002, 0.005, 0.01, 0.05):
            with anyio.move_on_after(delay):  # which cancels at each step, as a server's scope does
                async with leases.claim("t"):
                    await asyncio.sleep(60)
            await leases.aclose()
            await ThreadLeases(memory).require_free("t")


def replica(storage: ThreadStorage) -> Runner:
    graph: Any = Chatty()
    limits = RunLimits(100, 60.0, Places(each=9, together=9), lambda _: 6)
    threads = Threads(storage.memory, graph, storage.locks, None)
    return Runner(graph, graph, limits, storage.locks, threads, UNLIMITED)


async def test_no_replica_answers_on_a_thread_on_which_another_does(tmp_path: Path, url: str) -> None:
    settings, request = make_settings(tmp_path, database_url=url), RunRequest("anything?", thread_id="t")
    async with open_threads(settings) as here, open_threads(settings) as there:
        one, other = replica(here), replica(there)
        async with aclosing(one.stream(request)) as events:
            await anext(events)
            with pytest.raises(ThreadBusy):
                await other.require_free(request)
            with pytest.raises(ThreadBusy):
                await other.run(request)
        await other.require_free(request)


async def test_a_plan_that_one_replica_has_made_goes_on_at_another(tmp_path: Path, url: str) -> None:
    settings = make_settings(tmp_path, database_url=url)
    async with open_threads(settings) as here, open_threads(settings) as there:
        await here.memory.plans.keep("t", {"question": "Which rents rise?"}, ["one", "two"], 1.0)
        resumed = await replica(there).resumed("t", Resume())
        assert (resumed.question, resumed.plan) == ("Which rents rise?", ("one", "two"))


async def test_an_address_as_hosters_write_it_leads_to_the_same_conversations(
    tmp_path: Path, url: str
) -> None:
    short = make_settings(tmp_path, database_url=url.replace("postgresql+psycopg://", "postgres://"))
    async with open_threads(short) as here, open_threads(make_settings(tmp_path, database_url=url)) as there:
        await here.memory.plans.keep("t", {"question": "Which rents rise?"}, ["one"], 1.0)
        assert await there.memory.plans.get("t") == ({"question": "Which rents rise?"}, ["one"])


async def test_replicas_that_start_at_once_make_the_tables_once(url: str) -> None:
    async def start() -> None:
        async with open_postgres_memory(url, lease_metadata) as memory:
            await ThreadLeases(memory).require_free("t")

    await asyncio.gather(*(start() for _ in range(4)))


async def test_conversations_are_there_again_as_soon_as_the_server_is() -> None:
    cluster = Cluster(options=("fsync=off",))  # else a stop would lose what was committed
    try:
        async with open_postgres_memory(f"{cluster.start()}/postgres", lease_metadata) as memory:
            await memory.plans.keep("t", {"question": "Which rents rise?"}, ["one"], 1.0)
            cluster.stop()
            with pytest.raises(StorageUnavailable), memory.translated("read"):
                await memory.plans.get("t")
            cluster.start()
            assert await memory.plans.get("t") == ({"question": "Which rents rise?"}, ["one"])
    finally:
        cluster.remove()
