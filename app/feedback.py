"""What readers say of answers, kept beside the conversations: it comes, is saved and goes with their turns.

A run has one row, however many forks of its conversation show its turn.
"""

from __future__ import annotations

from datetime import UTC, datetime

from sqlalchemy import Delete, delete, exists, literal, select

from app.errors import UnknownRun
from app.schemas import Feedback, FeedbackRequest
from app.tenancy import plain_name, stored_name
from app.thread_database import ThreadConnection, ThreadDatabase
from app.thread_tables import feedback, turns


class FeedbackStore:
    """Every method is one transaction."""

    def __init__(self, database: ThreadDatabase) -> None:
        self._database = database

    async def give(self, said: FeedbackRequest, moment: float, *, tenant: str) -> Feedback:
        """Keep what is said of a run in place of what was; `moment` is in seconds since 1970. Raises UnknownRun."""
        run_id = stored_name(tenant, said.run_id)
        # One statement: in between, another process could delete the run.
        of_known_run = select(
            literal(run_id),
            literal(said.score),
            literal(said.comment, feedback.c.comment.type),
            literal(moment),
        ).where(exists().where(turns.c.run_id == run_id))
        async with self._database.writing() as now:
            statement = now.insert(feedback).from_select(
                ["run_id", "score", "comment", "given_at"], of_known_run
            )
            replaced = {name: statement.excluded[name] for name in ("score", "comment", "given_at")}
            if not await now.change(
                statement.on_conflict_do_update(index_elements=["run_id"], set_=replaced)
            ):
                raise UnknownRun(f"No thread has an answer of a run {said.run_id!r}")
        return Feedback(**said.model_dump(), given_at=datetime.fromtimestamp(moment, UTC))

    async def withdraw(self, run_id: str, *, tenant: str) -> None:
        """Raises UnknownRun: nothing was said of such a run."""
        stored = stored_name(tenant, run_id)
        async with self._database.writing() as now:
            if not await now.change(delete(feedback).where(feedback.c.run_id == stored)):
                raise UnknownRun(f"Nothing was said of a run {run_id!r}")
        await self._database.empty_log()  # which else holds the comment for a while


def remove_feedback(thread_id: str) -> Delete:
    """Forget what was said of a thread's answers, unless a fork has them too; before its turns are removed."""
    own, other = turns.alias("own"), turns.alias("other")
    has_fork = exists().where(other.c.run_id == own.c.run_id, other.c.thread_id != own.c.thread_id)
    return delete(feedback).where(
        feedback.c.run_id.in_(select(own.c.run_id).where(own.c.thread_id == thread_id, ~has_fork))
    )


async def feedback_on(now: ThreadConnection, thread_id: str) -> dict[str, Feedback]:
    """What was said of the answers of a thread, by their runs."""
    said = select(feedback.c.run_id, feedback.c.score, feedback.c.comment, feedback.c.given_at)
    of_thread = said.join(turns, turns.c.run_id == feedback.c.run_id).where(turns.c.thread_id == thread_id)
    given = (
        Feedback(
            run_id=plain_name(run_id),
            score=score,
            comment=comment,
            given_at=datetime.fromtimestamp(given_at, UTC),
        )
        for run_id, score, comment, given_at in await now.rows(of_thread)
    )
    return {one.run_id: one for one in given}
