"""What conversations are remembered in: LangGraph's checkpoints, of which each thread keeps the newest only."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import cast

import aiosqlite
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from app.conversations import Conversations
from app.errors import ConfigurationError, StorageUnavailable, UnknownThread
from app.feedback import FeedbackStore
from app.waiting_plans import WaitingPlans

_FORGET_EARLIER = (
    "DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
    "DELETE FROM writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
)


class _UndoingLock(asyncio.Lock):
    """All threads share a connection: what one run has begun must not go in with what another commits.

    Only who has the lock has begun something: a run that is cancelled while it waits for it undoes nothing.
    """

    def __init__(self, conn: aiosqlite.Connection) -> None:
        super().__init__()
        self._conn = conn

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is not None:
                await self._conn.rollback()
        finally:
            self.release()


class ThreadMemory(AsyncSqliteSaver):
    """Nobody goes back to an earlier checkpoint, and all together they would take many times the room of what was said.

    `conversations` keeps every turn; a turn that a checkpoint remembers is there as well.
    """

    def __init__(self, conn: aiosqlite.Connection) -> None:
        super().__init__(conn)
        self.lock = _UndoingLock(conn)
        self.conversations = Conversations(conn, self.lock)
        self.feedback = FeedbackStore(conn, self.lock)
        self.plans = WaitingPlans(conn, self.lock)
        self.damage: str | None = None
        """What has shown to be wrong with the file; it does not heal while it is open."""

    @contextmanager
    def translated(self, what: str) -> Iterator[None]:
        """What SQLite raises, which nothing here translates, as our own error; `what` was to happen to conversations.

        Raises:
            StorageUnavailable
        """
        try:
            yield
        except sqlite3.OperationalError as error:
            raise StorageUnavailable(f"The conversation cannot be {what}: {error}") from error
        except sqlite3.DatabaseError as error:
            self.damage = str(error)
            raise StorageUnavailable(f"The conversation cannot be {what}: {error}") from error

    async def forget(self, thread_id: str) -> None:
        """Remove a conversation, also from the write-ahead log unless another process is reading.

        Raises UnknownThread.
        """
        await self.conversations.remove(thread_id)
        await self._empty_log()

    async def forget_all(self, tenant: str) -> int:
        """Remove everything of a tenant, and tell how many conversations; see `forget`."""
        count = 0
        for thread_id in await self.conversations.ids(tenant):
            with suppress(UnknownThread):  # somebody was faster
                await self.conversations.remove(thread_id)
                count += 1
        await self.conversations.forget_rest(tenant)
        await self._empty_log()
        return count

    async def _empty_log(self) -> None:
        async with self.lock:
            await self.conn.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store its turns and a checkpoint durably, and then forget those before it; ids grow with time."""
        await self._record_turns(config, checkpoint)
        stored = await super().aput(config, checkpoint, metadata, new_versions)
        place = stored["configurable"]
        newest = (str(place["thread_id"]), place["checkpoint_ns"], place["checkpoint_id"])
        async with self.lock:
            for statement in _FORGET_EARLIER:
                await self.conn.execute(statement, newest)
            await self.conn.commit()
        return stored

    async def record_all(self) -> None:
        """Record the turns that earlier versions have left in checkpoints alone."""
        for found in [found async for found in self.alist(None)]:  # which has the lock until its end
            await self._record_turns(found.config, found.checkpoint)
        await self.conversations.set_complete()

    async def _record_turns(self, config: RunnableConfig, checkpoint: Checkpoint) -> None:
        place = config["configurable"]
        turns = checkpoint["channel_values"].get("turns")
        if turns and not place.get("checkpoint_ns"):
            moment = datetime.fromisoformat(checkpoint["ts"]).timestamp()
            await self.conversations.record(str(place["thread_id"]), turns, moment)


@asynccontextmanager
async def open_threads(path: Path) -> AsyncIterator[ThreadMemory]:
    """Open the file, creating it where that is needed.

    Raises:
        ConfigurationError: it is no SQLite database, or cannot be opened.
    """
    async with AsyncExitStack() as stack:
        try:
            opened = await stack.enter_async_context(ThreadMemory.from_conn_string(str(path)))
            threads = cast(ThreadMemory, opened)
            await threads.setup()
            await threads.conn.execute("PRAGMA secure_delete = ON")
            if await threads.conversations.create_tables():
                await threads.record_all()
            await threads.plans.list_all(time.time())
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(
                f"{str(path)!r} cannot be used to remember conversations: {error}"
            ) from None
        yield threads
