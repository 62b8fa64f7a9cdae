"""The plans that wait for approval, one for each thread at most, kept in the file of the conversations.

A thread that has nothing but a plan is listed among the conversations all the same, titled by what was asked.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any, Final

import aiosqlite

from app.chains.title import title_of

WAITING_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS waiting_plans (thread_id TEXT NOT NULL PRIMARY KEY, request TEXT NOT NULL)"
)
REMOVE_WAITING: Final = "DELETE FROM waiting_plans WHERE thread_id = ?"

_KEEP: Final = """
    INSERT INTO waiting_plans (thread_id, request) VALUES (?, ?)
    ON CONFLICT (thread_id) DO UPDATE SET request = excluded.request
"""
# A title that was taken from a question goes with that question; one that its user or a model gave stays.
_LIST: Final = """
    INSERT INTO threads (thread_id, title, titled_by, created_at, updated_at)
    VALUES (:thread_id, :title, 'question', :moment, :moment)
    ON CONFLICT (thread_id) DO UPDATE SET updated_at = excluded.updated_at, title = CASE
        WHEN titled_by = 'question' AND NOT EXISTS (SELECT 1 FROM turns WHERE turns.thread_id = threads.thread_id)
        THEN excluded.title ELSE title END
"""
_UNLIST: Final = """
    DELETE FROM threads WHERE thread_id = ? AND titled_by = 'question'
    AND NOT EXISTS (SELECT 1 FROM turns WHERE turns.thread_id = threads.thread_id)
"""
_UNLISTED: Final = (
    "SELECT thread_id, request FROM waiting_plans WHERE thread_id NOT IN (SELECT thread_id FROM threads)"
)


class WaitingPlans:
    """Every method is one transaction on the checkpointer's connection, whose `lock` it takes."""

    def __init__(self, connection: aiosqlite.Connection, lock: asyncio.Lock) -> None:
        self._connection = connection
        self._lock = lock

    async def keep(self, thread_id: str, request: dict[str, Any], plan: list[str], moment: float) -> None:
        """Keep what was asked for with its plan, in place of an earlier one; `moment` is in seconds since 1970."""
        async with self._lock:
            kept = json.dumps({"request": request, "plan": plan})
            await self._connection.execute(_KEEP, (thread_id, kept))
            await self._list(thread_id, request, moment)
            await self._connection.commit()

    async def get(self, thread_id: str) -> tuple[dict[str, Any], list[str]] | None:
        """What was asked for and the plan that waits on a thread."""
        statement = "SELECT request FROM waiting_plans WHERE thread_id = ?"
        async with self._lock:
            rows = list(await self._connection.execute_fetchall(statement, (thread_id,)))
        if not rows:
            return None
        kept = json.loads(rows[0][0])
        return kept["request"], kept["plan"]

    async def forget(self, thread_id: str) -> None:
        """Nothing waits on the thread any more; where nothing was answered either, it is listed no longer."""
        if await self.get(thread_id) is not None:
            async with self._lock:
                await self._connection.execute(REMOVE_WAITING, (thread_id,))
                await self._connection.execute(_UNLIST, (thread_id,))
                await self._connection.commit()

    async def list_all(self, moment: float) -> None:
        """List the threads of plans that an earlier version has left unlisted."""
        async with self._lock:
            for thread_id, kept in list(await self._connection.execute_fetchall(_UNLISTED)):
                await self._list(thread_id, json.loads(kept)["request"], moment)
            await self._connection.commit()

    async def _list(self, thread_id: str, request: dict[str, Any], moment: float) -> None:
        title = title_of(request["question"])
        await self._connection.execute(_LIST, {"thread_id": thread_id, "title": title, "moment": moment})
