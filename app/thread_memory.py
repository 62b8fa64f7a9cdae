"""What conversations are remembered in: LangGraph's checkpoints, of which each thread keeps the newest only."""

from __future__ import annotations

import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import cast

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import ChannelVersions, Checkpoint, CheckpointMetadata
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver

from app.errors import ConfigurationError

_FORGET_EARLIER = (
    "DELETE FROM checkpoints WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
    "DELETE FROM writes WHERE thread_id = ? AND checkpoint_ns = ? AND checkpoint_id < ?",
)


class ThreadMemory(AsyncSqliteSaver):
    """Every checkpoint holds the whole conversation, and nobody goes back to an earlier one: all together they would
    grow with the square of the number of turns.
    """

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store a checkpoint durably, and then forget those before it; ids grow with time."""
        stored = await super().aput(config, checkpoint, metadata, new_versions)
        place = stored["configurable"]
        newest = (str(place["thread_id"]), place["checkpoint_ns"], place["checkpoint_id"])
        async with self.lock:
            for statement in _FORGET_EARLIER:
                await self.conn.execute(statement, newest)
            await self.conn.commit()
        return stored


@asynccontextmanager
async def open_threads(path: Path) -> AsyncIterator[ThreadMemory]:
    """Open the file, creating it where that is needed.

    Raises:
        ConfigurationError: it is no SQLite database, or cannot be opened.
    """
    async with AsyncExitStack() as stack:
        try:
            threads = await stack.enter_async_context(ThreadMemory.from_conn_string(str(path)))
            await threads.setup()
        except sqlite3.DatabaseError as error:
            raise ConfigurationError(
                f"{str(path)!r} cannot be used to remember conversations: {error}"
            ) from None
        yield cast(ThreadMemory, threads)
