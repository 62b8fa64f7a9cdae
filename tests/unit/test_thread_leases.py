"""A thread belongs to one run at a time among processes that share nothing but PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest

from app.errors import ThreadBusy
from app.thread_leases import ThreadLeases, lease_metadata
from app.thread_memory import ThreadMemory
from app.thread_memory_postgres import open_postgres_memory
from tests.thread_places import new_database

pytestmark = pytest.mark.postgres


@pytest.fixture
async def memories() -> AsyncIterator[tuple[ThreadMemory, ThreadMemory]]:
    url = new_database()
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


async def test_a_lease_is_prolonged_while_its_process_lives_and_taken_over_after_its_death(
    memories: tuple[ThreadMemory, ThreadMemory],
) -> None:
    one = ThreadLeases(memories[0], lease_s=1.0, every_s=0.1)
    other = ThreadLeases(memories[1])
    async with one.claim("t"):
        async with aclosing(one):
            one.start()
            await asyncio.sleep(1.5)
            with pytest.raises(ThreadBusy):
                await other.require_free("t")
        await asyncio.sleep(1.2)  # nobody prolongs it any more, as where the process was killed
        async with other.claim("t"):
            pass


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
