"""One run at a time on each thread, among the processes of many machines that share a PostgreSQL database.

A run has a lease of its thread, a row that says until when; its process prolongs it. When the process dies or loses the
database, the lease ends by itself. Time is the server's: the machines' clocks need not agree.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from logging import getLogger
from typing import Final
from uuid import uuid4

from sqlalchemy import Column, DateTime, MetaData, Table, Text, delete, func, update

from app.errors import StorageUnavailable
from app.thread_locks import ThreadLocks, busy
from app.thread_memory import ThreadMemory

LEASE_S: Final = 20.0
_RENEWED_EVERY_S: Final = 5.0

lease_metadata: Final = MetaData()
_leases: Final = Table(
    "thread_leases",
    lease_metadata,
    Column("thread_id", Text, primary_key=True),
    Column("owner", Text, nullable=False),
    Column("until", DateTime(timezone=True), nullable=False),
)

log = getLogger("llmops.rag")


class ThreadLeases(ThreadLocks):
    """Each claim is an owner of its own, so that the runs of one process exclude each other as well."""

    def __init__(
        self, memory: ThreadMemory, *, lease_s: float = LEASE_S, every_s: float = _RENEWED_EVERY_S
    ) -> None:
        self._memory = memory
        self._lease_s = lease_s
        self._every_s = every_s
        self._mine: set[str] = set()
        self._returning: set[asyncio.Task[None]] = set()
        self._renewing: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Prolong what is leased, until `aclose`."""
        self._renewing = asyncio.create_task(self._keep_renewing())

    async def aclose(self) -> None:
        if self._renewing is not None:
            self._renewing.cancel()
            await asyncio.wait([self._renewing])
        if self._returning:
            await asyncio.wait(self._returning)

    @asynccontextmanager
    async def claim(self, thread_id: str) -> AsyncIterator[None]:
        owner = uuid4().hex
        try:
            with self._memory.translated("claimed"):
                is_mine = await self._take(thread_id, owner)
        except asyncio.CancelledError:  # it may be taken by now
            await self._give_back(owner)
            raise
        if not is_mine:
            raise busy(thread_id)
        self._mine.add(owner)
        try:
            yield
        finally:
            self._mine.discard(owner)
            await self._give_back(owner)

    async def _take(self, thread_id: str, owner: str) -> bool:
        moment = func.clock_timestamp(type_=DateTime(timezone=True))
        until = moment + timedelta(seconds=self._lease_s)
        async with self._memory.database.writing() as now:
            statement = now.insert(_leases).values(thread_id=thread_id, owner=owner, until=until)
            taken = {"owner": statement.excluded.owner, "until": statement.excluded.until}
            return bool(
                await now.change(
                    statement.on_conflict_do_update(
                        index_elements=["thread_id"], set_=taken, where=_leases.c.until < moment
                    )
                )
            )

    async def _give_back(self, owner: str) -> None:
        """Whose reader has hung up is cancelled here again and again; the thread has to be free all the same."""
        returning = asyncio.create_task(self._return(owner))
        self._returning.add(returning)
        returning.add_done_callback(self._returning.discard)
        await asyncio.shield(returning)

    async def _return(self, owner: str) -> None:
        try:
            with self._memory.translated("freed"):
                async with self._memory.database.writing() as now:
                    await now.change(delete(_leases).where(_leases.c.owner == owner))
        except StorageUnavailable as error:  # the lease ends by itself
            log.warning("thread_lease_kept", extra={"reason": error.detail})

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(self._every_s)
            try:
                with self._memory.translated("kept"):
                    await self.renew()
            except StorageUnavailable as error:
                log.warning("storage_unavailable", extra={"reason": error.detail})

    async def renew(self) -> None:
        mine = sorted(self._mine)
        if mine:
            until = func.clock_timestamp(type_=DateTime(timezone=True)) + timedelta(seconds=self._lease_s)
            async with self._memory.database.writing() as now:
                await now.change(update(_leases).where(_leases.c.owner.in_(mine)).values(until=until))
