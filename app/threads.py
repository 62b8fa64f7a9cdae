"""The conversations as their users handle them: look through, rename, fork, delete; and how they get their titles."""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from logging import getLogger
from typing import Any
from uuid import uuid4

from langgraph.graph.state import CompiledStateGraph

from app.chains.title import title_thread
from app.errors import NothingToResume, NoWaitingPlan, StorageUnavailable
from app.models.chat import ChatModel
from app.schemas import Feedback, FeedbackRequest, Thread, ThreadInfo, ThreadPage, WaitingPlan
from app.state import REMEMBERED_TURNS
from app.tenancy import plain_name, stored_name, tenant_of
from app.thread_locks import ThreadLocks
from app.thread_memory import ThreadMemory

log = getLogger("llmops.rag")


class Threads:
    """Ids of threads come in as they are stored, see `app.tenancy`, and go out as their tenant knows them.

    Raises (every method): `StorageUnavailable` when what is remembered cannot be read or written.
    """

    def __init__(
        self,
        memory: ThreadMemory,
        graph: CompiledStateGraph[Any, Any, Any, Any],
        locks: ThreadLocks,
        chat_model: ChatModel | None,
    ) -> None:
        """`graph` is one that remembers in `memory`."""
        self.memory = memory
        self._conversations = memory.conversations
        self._graph = graph
        self._locks = locks
        self._chat_model = chat_model
        self._titling: set[asyncio.Task[None]] = set()

    async def page(self, *, tenant: str, query: str | None = None, limit: int, offset: int = 0) -> ThreadPage:
        """A tenant's conversations, the last used first, `query` standing in their titles."""
        with self.memory.translated("read"):
            return await self._conversations.page(query=query, limit=limit, offset=offset, tenant=tenant)

    async def get(self, thread_id: str, *, last: int | None = None) -> Thread:
        """All turns of a conversation, or as many of the newest. Raises UnknownThread."""
        with self.memory.translated("read"):
            return await self._conversations.get(thread_id, last)

    async def rename(self, thread_id: str, title: str) -> ThreadInfo:
        """Raises UnknownThread."""
        with self.memory.translated("stored"):
            return await self._conversations.rename(thread_id, title)

    async def delete(self, thread_id: str) -> None:
        """Forget a conversation for good.

        Raises:
            UnknownThread
            ThreadBusy: a question is being answered on it.
        """
        async with self._locks.claim(thread_id):
            with self.memory.translated("deleted"):
                await self.memory.forget(thread_id)

    async def give_feedback(self, said: FeedbackRequest, *, tenant: str) -> Feedback:
        """Keep what a reader says of an answer, in place of what was said before. Raises UnknownRun."""
        with self.memory.translated("stored"):
            return await self.memory.feedback.give(said, time.time(), tenant=tenant)

    async def withdraw_feedback(self, run_id: str, *, tenant: str) -> None:
        """Raises UnknownRun: nothing was said of such a run."""
        with self.memory.translated("stored"):
            await self.memory.feedback.withdraw(run_id, tenant=tenant)

    async def fork(self, thread_id: str, *, after_turn: int) -> ThreadInfo:
        """Begin a new conversation with the first turns of another, which goes on as it was.

        Raises:
            UnknownThread
            InvalidRequest: it has not so many turns.
        """
        fork_id = stored_name(tenant_of(thread_id), uuid4().hex)
        with self.memory.translated("copied"):
            turns = await self._conversations.copy(thread_id, fork_id, after_turn, time.time())
            await self._graph.aupdate_state(
                {"configurable": {"thread_id": fork_id}},
                {"turns": turns[-REMEMBERED_TURNS:]},
                as_node="remember",
            )
            return await self._conversations.info(fork_id)

    async def wait_for_approval(self, thread_id: str, request: dict[str, Any], plan: list[str]) -> None:
        """Keep a research that waits, across restarts; one thread has one at most."""
        with self.memory.translated("stored"):
            await self.memory.plans.keep(thread_id, request, plan, time.time())

    async def waiting(self, thread_id: str) -> tuple[dict[str, Any], list[str]]:
        """What was asked for and the plan that waits. Raises NothingToResume."""
        with self.memory.translated("read"):
            found = await self.memory.plans.get(thread_id)
        if found is None:
            raise NothingToResume(f"No research waits for approval on thread {plain_name(thread_id)!r}")
        return found

    async def plan(self, thread_id: str) -> WaitingPlan:
        """The plan that waits for approval. Raises NoWaitingPlan."""
        try:
            request, plan = await self.waiting(thread_id)
        except NothingToResume as nothing:
            raise NoWaitingPlan(nothing.detail) from None
        return WaitingPlan(thread_id=plain_name(thread_id), question=request["question"], sub_questions=plan)

    async def discard_plan(self, thread_id: str) -> None:
        """Leave the research that waits undone.

        Raises:
            NoWaitingPlan
            ThreadBusy: a question is being answered on the thread.
        """
        async with self._locks.claim(thread_id):
            await self.plan(thread_id)
            await self.forget_waiting(thread_id)

    async def forget_waiting(self, thread_id: str) -> None:
        """A research was carried out, or another question has taken its place."""
        with self.memory.translated("stored"):
            await self.memory.plans.forget(thread_id)

    def title_later(self, thread_id: str) -> None:
        """Let the model name a young conversation beside everything else, unless its user has."""
        if self._chat_model is not None:
            task = asyncio.get_running_loop().create_task(self._title(thread_id, self._chat_model))
            self._titling.add(task)
            task.add_done_callback(self._titling.discard)

    async def aclose(self) -> None:
        """Leave conversations without their names."""
        for task in self._titling:
            task.cancel()
        await asyncio.gather(*self._titling, return_exceptions=True)

    async def _title(self, thread_id: str, model: ChatModel) -> None:
        with suppress(StorageUnavailable), self.memory.translated("named"):
            question = await self._conversations.question_to_title(thread_id)
            if question is not None:
                title = await title_thread(question, model=model)
                await self._conversations.suggest_title(thread_id, title)
                log.info("thread_titled", extra={"thread_id": thread_id})
