"""What was asked and answered on each thread, in tables beside LangGraph's checkpoints in the same database.

A checkpoint holds only as many turns as a run needs to understand the next question; here none is ever dropped, and one
more is one more row.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Select, column, delete, exists, func, literal, select, table, update

from app.chains.title import title_fork, title_of, title_without_fork
from app.errors import InvalidRequest, UnknownThread
from app.feedback import feedback_on, remove_feedback
from app.schemas import Feedback, Thread, ThreadInfo, ThreadPage, Turn
from app.state import TurnRecord
from app.tenancy import DEFAULT_TENANT, plain_name, stored_name, tenant_of
from app.thread_database import ThreadConnection, ThreadDatabase
from app.thread_tables import is_of_tenant, threads, turns, waiting_plans

_TITLED_WHILE_YOUNG: Final = 2
"""A model names a conversation after its first turn or, should it fail then, after the second."""
_INFO: Final = select(
    threads.c.thread_id,
    threads.c.title,
    threads.c.created_at,
    threads.c.updated_at,
    select(func.count()).where(turns.c.thread_id == threads.c.thread_id).scalar_subquery(),
    exists().where(waiting_plans.c.thread_id == threads.c.thread_id),
)


class Conversations:
    """Every method is one transaction.

    Ids of threads come in as they are stored, see `app.tenancy`, and go out as their tenant knows them.
    """

    def __init__(self, database: ThreadDatabase) -> None:
        self._database = database

    async def record(self, thread_id: str, said: Sequence[TurnRecord], moment: float) -> None:
        """Add those of the turns, given in order, that are not there yet; `moment` is in seconds since 1970."""
        async with self._database.writing() as now:
            new: list[TurnRecord] = []
            for turn in reversed(said):
                run_id = _stored_run(thread_id, turn)
                known = select(literal(1)).where(turns.c.thread_id == thread_id, turns.c.run_id == run_id)
                if await now.value(known):
                    break
                new.insert(0, turn)
            if new:
                await _insert(now, thread_id, new, moment)

    async def page(
        self, *, query: str | None, limit: int, offset: int, tenant: str = DEFAULT_TENANT
    ) -> ThreadPage:
        """A tenant's conversations, the last used first.

        `query` must stand in the title, whatever the case of ASCII letters.
        """
        chosen = [is_of_tenant(threads.c.thread_id, tenant)]
        if query:
            chosen.append(threads.c.title.icontains(query, autoescape=True))
        page = _INFO.where(*chosen).order_by(threads.c.updated_at.desc(), threads.c.thread_id)
        async with self._database.reading() as now:
            total = await now.value(select(func.count()).select_from(threads).where(*chosen))
            rows = await now.rows(page.limit(limit).offset(offset))
        found = [_as_info(row) for row in rows]
        end = offset + len(found)
        return ThreadPage(threads=found, total=total, next_offset=end if found and end < total else None)

    async def ids(self, tenant: str) -> list[str]:
        """The ids of all threads of a tenant, as they are stored."""
        own = select(threads.c.thread_id).where(is_of_tenant(threads.c.thread_id, tenant))
        async with self._database.reading() as now:
            return await now.values(own.order_by(threads.c.thread_id))

    async def forget_rest(self, tenant: str) -> None:
        """Remove what runs have left that gave no answer: it belongs to no conversation, and may quote a document."""
        async with self._database.writing() as now:
            for name in self._database.checkpoint_tables:
                rest = table(name, column("thread_id"))
                await now.change(
                    delete(rest).where(
                        is_of_tenant(rest.c.thread_id, tenant),
                        rest.c.thread_id.not_in(select(threads.c.thread_id)),
                    )
                )

    async def tenants(self) -> set[str]:
        """Everybody who has a thread."""
        async with self._database.reading() as now:
            return {tenant_of(thread_id) for thread_id in await now.values(select(threads.c.thread_id))}

    async def quoting(self, document_id: str) -> list[str]:
        """The threads whose answers cite a document, or whose checkpoints know of it, by their stored ids."""
        statements = [
            select(turns.c.thread_id).where(turns.c.answer.contains(document_id, autoescape=True)),
            *self._database.remembering(document_id),
        ]
        async with self._database.reading() as now:
            found = [await now.values(statement) for statement in statements]
        return sorted({thread_id for thread_ids in found for thread_id in thread_ids})

    async def get(self, thread_id: str, last: int | None = None) -> Thread:
        """With all of its turns, or as many as these of the newest. Raises UnknownThread."""
        async with self._database.reading() as now:
            info = await _info(now, thread_id)
            found = await _turns(now, _newest(thread_id, last))
            said = await feedback_on(now, thread_id)
        return Thread(**info.model_dump(), turns=[_as_turn(turn, said) for turn in found])

    async def info(self, thread_id: str) -> ThreadInfo:
        """Raises UnknownThread."""
        async with self._database.reading() as now:
            return await _info(now, thread_id)

    async def rename(self, thread_id: str, title: str) -> ThreadInfo:
        """Give a conversation the title that its user wants. Raises UnknownThread."""
        renamed = (
            update(threads).where(threads.c.thread_id == thread_id).values(title=title, titled_by="user")
        )
        async with self._database.writing() as now:
            await now.change(renamed)
            return await _info(now, thread_id)

    async def question_to_title(self, thread_id: str) -> str | None:
        """The first question of a young conversation that nobody has named; None of any other."""
        later = turns.alias("later")
        question = (
            select(turns.c.question)
            .join(threads, threads.c.thread_id == turns.c.thread_id)
            .where(
                turns.c.thread_id == thread_id,
                turns.c.ordinal == 1,
                threads.c.titled_by == "question",
                ~exists().where(later.c.thread_id == thread_id, later.c.ordinal > _TITLED_WHILE_YOUNG),
            )
        )
        async with self._database.reading() as now:
            found: str | None = await now.value(question)
        return found

    async def suggest_title(self, thread_id: str, title: str) -> None:
        """Title a conversation unless its user has done so, or it is gone."""
        untitled = (threads.c.thread_id == thread_id) & (threads.c.titled_by == "question")
        async with self._database.writing() as now:
            await now.change(update(threads).where(untitled).values(title=title, titled_by="model"))

    async def copy(self, thread_id: str, copy_id: str, turn_count: int, moment: float) -> list[TurnRecord]:
        """Make a conversation of the first turns of another, with a title that says so, and give them.

        Raises:
            UnknownThread
            InvalidRequest: it has not so many turns.
        """
        async with self._database.writing() as now:
            info = await _info(now, thread_id)
            if turn_count > info.turn_count:
                raise InvalidRequest(f"after_turn: the thread has {info.turn_count} turns")
            alike = threads.c.title.startswith(title_without_fork(info.title), autoescape=True)
            own = is_of_tenant(threads.c.thread_id, tenant_of(copy_id))
            taken = await now.values(select(threads.c.title).where(alike, own))
            copied = await _turns(now, _newest(thread_id, None).where(turns.c.ordinal <= turn_count))
            await _insert(now, copy_id, copied, moment, title=title_fork(info.title, taken))
            return copied

    async def remove(self, thread_id: str) -> None:
        """Forget a conversation, or a plan that waits where nothing was answered yet, and its checkpoints.

        Raises UnknownThread.
        """
        checkpoints = (table(name, column("thread_id")) for name in self._database.checkpoint_tables)
        async with self._database.writing() as now:
            removed = await now.change(remove_feedback(thread_id))
            for own in (turns, waiting_plans, threads, *checkpoints):
                removed += await now.change(delete(own).where(own.c.thread_id == thread_id))
            if not removed:
                raise UnknownThread(f"There is no thread {plain_name(thread_id)!r}")


async def _insert(
    now: ThreadConnection, thread_id: str, new: Sequence[TurnRecord], moment: float, title: str | None = None
) -> None:
    statement = now.insert(threads).values(
        thread_id=thread_id,
        title=title or title_of(new[0]["question"]),
        titled_by="question" if title is None else "user",
        created_at=moment,
        updated_at=moment,
    )
    # First of all: whoever has changed this row is the only one that adds turns, until its transaction ends.
    await now.change(
        statement.on_conflict_do_update(
            index_elements=["thread_id"], set_={"updated_at": statement.excluded.updated_at}
        )
    )
    count = await now.value(
        select(func.coalesce(func.max(turns.c.ordinal), 0)).where(turns.c.thread_id == thread_id)
    )
    rows = [
        {
            "thread_id": thread_id,
            "ordinal": ordinal,
            "run_id": _stored_run(thread_id, turn),
            "question": turn["question"],
            "answer": json.dumps(turn["answer"]),
        }
        for ordinal, turn in enumerate(new, start=count + 1)
    ]
    await now.insert_all(turns, rows)


async def _info(now: ThreadConnection, thread_id: str) -> ThreadInfo:
    rows = await now.rows(_INFO.where(threads.c.thread_id == thread_id))
    if not rows:
        raise UnknownThread(f"There is no thread {plain_name(thread_id)!r}")
    return _as_info(rows[0])


def _newest(thread_id: str, last: int | None) -> Select[Any]:
    """The newest turns first, which `_turns` gives in the order in which they were said."""
    found = select(turns.c.question, turns.c.answer).where(turns.c.thread_id == thread_id)
    return found.order_by(turns.c.ordinal.desc()).limit(last)


async def _turns(now: ThreadConnection, newest_first: Select[Any]) -> list[TurnRecord]:
    rows = reversed(await now.rows(newest_first))
    return [{"question": question, "answer": json.loads(answer)} for question, answer in rows]


def _as_turn(turn: TurnRecord, said: dict[str, Feedback]) -> Turn:
    return Turn.model_validate({**turn, "feedback": said.get(turn["answer"]["run_id"])})


def _as_info(row: Any) -> ThreadInfo:
    thread_id, title, created_at, updated_at, turn_count, waits = row
    return ThreadInfo(
        thread_id=plain_name(thread_id),
        title=title,
        created_at=datetime.fromtimestamp(created_at, UTC),
        updated_at=datetime.fromtimestamp(updated_at, UTC),
        turn_count=turn_count,
        waits=bool(waits),
    )


def _stored_run(thread_id: str, turn: TurnRecord) -> str:
    return stored_name(tenant_of(thread_id), turn["answer"]["run_id"])
