"""What conversations are remembered in: LangGraph's checkpoints, of which each thread keeps the newest only."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import AbstractContextManager, suppress
from datetime import datetime

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver, ChannelVersions, Checkpoint, CheckpointMetadata

from app.conversations import Conversations
from app.errors import UnknownThread
from app.feedback import FeedbackStore
from app.thread_database import ThreadDatabase
from app.waiting_plans import WaitingPlans


class ThreadMemory(BaseCheckpointSaver[str]):
    """Nobody goes back to an earlier checkpoint, and all together they would take many times the room of what was said.

    `conversations` keeps every turn; a turn that a checkpoint remembers is there as well. What is here stands before
    one of LangGraph's savers, which stores the checkpoints.
    """

    damage: str | None = None
    """What has shown to be wrong with the database, where that does not heal."""

    def keep_in(self, database: ThreadDatabase) -> None:
        self.database = database
        self.conversations = Conversations(database)
        self.feedback = FeedbackStore(database)
        self.plans = WaitingPlans(database)

    @abstractmethod
    def translated(self, what: str) -> AbstractContextManager[None]:
        """What the database raises, which nothing here translates, as our own error.

        `what` was to happen to conversations.

        Raises:
            StorageUnavailable
        """

    @abstractmethod
    async def forget_earlier(self, newest: RunnableConfig) -> None:
        """Remove the checkpoints of a thread before this one; ids grow with time."""

    async def forget(self, thread_id: str) -> None:
        """Remove a conversation, in SQLite also from the write-ahead log unless another process is reading.

        Raises UnknownThread.
        """
        await self.conversations.remove(thread_id)
        await self.database.empty_log()

    async def forget_all(self, tenant: str) -> int:
        """Remove everything of a tenant, and tell how many conversations; see `forget`."""
        count = 0
        for thread_id in await self.conversations.ids(tenant):
            with suppress(UnknownThread):  # somebody was faster
                await self.conversations.remove(thread_id)
                count += 1
        await self.conversations.forget_rest(tenant)
        await self.database.empty_log()
        return count

    async def aput(
        self,
        config: RunnableConfig,
        checkpoint: Checkpoint,
        metadata: CheckpointMetadata,
        new_versions: ChannelVersions,
    ) -> RunnableConfig:
        """Store its turns and a checkpoint durably, and then forget those before it."""
        await self.record_turns(config, checkpoint)
        stored = await super().aput(config, checkpoint, metadata, new_versions)
        await self.forget_earlier(stored)
        return stored

    async def record_turns(self, config: RunnableConfig, checkpoint: Checkpoint) -> None:
        place = config["configurable"]
        turns = checkpoint["channel_values"].get("turns")
        if turns and not place.get("checkpoint_ns"):
            moment = datetime.fromisoformat(checkpoint["ts"]).timestamp()
            await self.conversations.record(str(place["thread_id"]), turns, moment)
