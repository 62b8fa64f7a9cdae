"""What readers say of answers, kept in the file of the conversations: it comes, is saved and goes with their turns.

A run has one row, however many forks of its conversation show its turn.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final

import aiosqlite

from app.errors import UnknownRun
from app.schemas import Feedback, FeedbackRequest
from app.tenancy import plain_name, stored_name

FEEDBACK_SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS feedback (
        run_id TEXT NOT NULL PRIMARY KEY,
        score INTEGER NOT NULL CHECK (score IN (-1, 1)),
        comment TEXT,
        given_at REAL NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS ix_turns_run_id ON turns (run_id)",
)
REMOVE_FEEDBACK: Final = """
    DELETE FROM feedback WHERE run_id IN (
        SELECT run_id FROM turns AS own WHERE thread_id = ? AND NOT EXISTS (
            SELECT 1 FROM turns AS other WHERE other.run_id = own.run_id AND other.thread_id <> own.thread_id
        )
    )
"""
"""Forget what was said of a thread's answers, but of those that a fork has as well; before its turns are removed."""

# One statement: in between, another process could delete the run.
_GIVE: Final = """
    INSERT INTO feedback (run_id, score, comment, given_at)
    SELECT :run_id, :score, :comment, :moment WHERE EXISTS (SELECT 1 FROM turns WHERE run_id = :run_id)
    ON CONFLICT (run_id) DO UPDATE SET
        score = excluded.score, comment = excluded.comment, given_at = excluded.given_at
"""
_OF_THREAD: Final = """
    SELECT feedback.run_id, score, comment, given_at FROM turns JOIN feedback USING (run_id) WHERE thread_id = ?
"""


class FeedbackStore:
    """Every method is one transaction on the checkpointer's connection, whose `lock` it takes."""

    def __init__(self, connection: aiosqlite.Connection, lock: asyncio.Lock) -> None:
        self._connection = connection
        self._lock = lock

    async def give(self, said: FeedbackRequest, moment: float, *, tenant: str) -> Feedback:
        """Keep what is said of a run in place of what was; `moment` is in seconds since 1970. Raises UnknownRun."""
        stored = said.model_dump() | {"run_id": stored_name(tenant, said.run_id), "moment": moment}
        if not await self._change(_GIVE, stored):
            raise UnknownRun(f"No thread has an answer of a run {said.run_id!r}")
        return Feedback(**said.model_dump(), given_at=datetime.fromtimestamp(moment, UTC))

    async def withdraw(self, run_id: str, *, tenant: str) -> None:
        """Raises UnknownRun: nothing was said of such a run."""
        stored = {"run_id": stored_name(tenant, run_id)}
        if not await self._change("DELETE FROM feedback WHERE run_id = :run_id", stored):
            raise UnknownRun(f"Nothing was said of a run {run_id!r}")
        async with self._lock:  # which else holds the comment for a while
            await self._connection.execute_fetchall("PRAGMA wal_checkpoint(TRUNCATE)")

    async def _change(self, statement: str, parameters: dict[str, Any]) -> bool:
        async with self._lock, self._connection.execute(statement, parameters) as cursor:
            await self._connection.commit()
            return cursor.rowcount > 0


async def feedback_on(connection: aiosqlite.Connection, thread_id: str) -> dict[str, Feedback]:
    """What was said of the answers of a thread, by their runs; the caller has the lock."""
    rows = await connection.execute_fetchall(_OF_THREAD, (thread_id,))
    given = (
        Feedback(
            run_id=plain_name(run_id),
            score=score,
            comment=comment,
            given_at=datetime.fromtimestamp(given_at, UTC),
        )
        for run_id, score, comment, given_at in rows
    )
    return {feedback.run_id: feedback for feedback in given}
