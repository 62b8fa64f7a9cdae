"""The plans that wait for approval, one for each thread at most, kept beside the conversations.

A thread that has nothing but a plan is listed among the conversations all the same, titled by what was asked.
"""

from __future__ import annotations

import json
from typing import Any, Final

from sqlalchemy import case, delete, exists, select

from app.chains.title import title_of
from app.thread_database import ThreadConnection, ThreadDatabase
from app.thread_tables import threads, turns, waiting_plans

# A title that was taken from a question goes with that question; one that its user or a model gave stays.
_IS_OF_A_QUESTION: Final = (threads.c.titled_by == "question") & ~exists().where(
    turns.c.thread_id == threads.c.thread_id
)


class WaitingPlans:
    """Every method is one transaction."""

    def __init__(self, database: ThreadDatabase) -> None:
        self._database = database

    async def keep(self, thread_id: str, request: dict[str, Any], plan: list[str], moment: float) -> None:
        """Keep what was asked for with its plan, in place of an earlier one; `moment` is in seconds since 1970."""
        kept = json.dumps({"request": request, "plan": plan})
        async with self._database.writing() as now:
            statement = now.insert(waiting_plans).values(thread_id=thread_id, request=kept)
            await now.change(
                statement.on_conflict_do_update(
                    index_elements=["thread_id"], set_={"request": statement.excluded.request}
                )
            )
            await _list(now, thread_id, request, moment)

    async def get(self, thread_id: str) -> tuple[dict[str, Any], list[str]] | None:
        """What was asked for and the plan that waits on a thread."""
        async with self._database.reading() as now:
            found = await now.value(
                select(waiting_plans.c.request).where(waiting_plans.c.thread_id == thread_id)
            )
        if found is None:
            return None
        kept = json.loads(found)
        return kept["request"], kept["plan"]

    async def forget(self, thread_id: str) -> None:
        """Nothing waits on the thread any more; where nothing was answered either, it is listed no longer."""
        if await self.get(thread_id) is not None:
            async with self._database.writing() as now:
                await now.change(delete(waiting_plans).where(waiting_plans.c.thread_id == thread_id))
                await now.change(delete(threads).where(threads.c.thread_id == thread_id, _IS_OF_A_QUESTION))

    async def list_all(self, moment: float) -> None:
        """List the threads of plans that an earlier version has left unlisted."""
        unlisted = select(waiting_plans.c.thread_id, waiting_plans.c.request).where(
            waiting_plans.c.thread_id.not_in(select(threads.c.thread_id))
        )
        async with self._database.writing() as now:
            for thread_id, kept in await now.rows(unlisted):
                await _list(now, thread_id, json.loads(kept)["request"], moment)


async def _list(now: ThreadConnection, thread_id: str, request: dict[str, Any], moment: float) -> None:
    statement = now.insert(threads).values(
        thread_id=thread_id,
        title=title_of(request["question"]),
        titled_by="question",
        created_at=moment,
        updated_at=moment,
    )
    title = case((_IS_OF_A_QUESTION, statement.excluded.title), else_=threads.c.title)
    await now.change(
        statement.on_conflict_do_update(
            index_elements=["thread_id"], set_={"updated_at": statement.excluded.updated_at, "title": title}
        )
    )
