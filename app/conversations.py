"""What was asked and answered on each thread, in tables beside LangGraph's checkpoints in the same file.

A checkpoint holds only as many turns as a run needs to understand the next question; here none is ever dropped, and one
more is one more row.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any, Final

import aiosqlite

from app.chains.title import title_fork, title_of, title_without_fork
from app.errors import InvalidRequest, UnknownThread
from app.feedback import FEEDBACK_SCHEMA, REMOVE_FEEDBACK, feedback_on
from app.schemas import Feedback, Thread, ThreadInfo, ThreadPage, Turn
from app.state import TurnRecord
from app.tenancy import DEFAULT_TENANT, SEPARATOR, plain_name, stored_name, tenant_of
from app.waiting_plans import REMOVE_WAITING, WAITING_SCHEMA

_SCHEMA: Final = (
    """
    CREATE TABLE IF NOT EXISTS threads (
        thread_id TEXT NOT NULL PRIMARY KEY,
        title TEXT NOT NULL,
        titled_by TEXT NOT NULL,
        created_at REAL NOT NULL,
        updated_at REAL NOT NULL
    )
    """,
    "CREATE INDEX IF NOT EXISTS ix_threads_updated_at ON threads (updated_at)",
    """
    CREATE TABLE IF NOT EXISTS turns (
        thread_id TEXT NOT NULL REFERENCES threads (thread_id),
        ordinal INTEGER NOT NULL,
        run_id TEXT NOT NULL,
        question TEXT NOT NULL,
        answer TEXT NOT NULL,
        PRIMARY KEY (thread_id, ordinal)
    )
    """,
    "CREATE UNIQUE INDEX IF NOT EXISTS ix_turns_run ON turns (thread_id, run_id)",
    WAITING_SCHEMA,
    *FEEDBACK_SCHEMA,
)
_INFO: Final = (
    "SELECT thread_id, title, created_at, updated_at, "
    "(SELECT count(*) FROM turns WHERE turns.thread_id = threads.thread_id), "
    "EXISTS (SELECT 1 FROM waiting_plans WHERE waiting_plans.thread_id = threads.thread_id) FROM threads"
)
_COUNT: Final = "SELECT count(*) FROM threads WHERE title LIKE ? ESCAPE '!' AND instr(thread_id, ?) = ?"
_PAGE: Final = (
    f"{_INFO} WHERE title LIKE ? ESCAPE '!' AND instr(thread_id, ?) = ?"
    " ORDER BY updated_at DESC, thread_id LIMIT ? OFFSET ?"
)
_IDS: Final = "SELECT thread_id FROM threads WHERE instr(thread_id, ?) = ? ORDER BY thread_id"
_FORGET_REST: Final = (
    "DELETE FROM checkpoints WHERE instr(thread_id, ?) = ? AND thread_id NOT IN (SELECT thread_id FROM threads)",
    "DELETE FROM writes WHERE instr(thread_id, ?) = ? AND thread_id NOT IN (SELECT thread_id FROM threads)",
)
_TITLES: Final = "SELECT title FROM threads WHERE title LIKE ? ESCAPE '!' AND instr(thread_id, ?) = ?"
_IS_KNOWN: Final = "SELECT 1 FROM turns WHERE thread_id = ? AND run_id = ?"
_REMOVE: Final = (
    REMOVE_FEEDBACK,
    "DELETE FROM turns WHERE thread_id = ?",
    REMOVE_WAITING,
    "DELETE FROM threads WHERE thread_id = ?",
    "DELETE FROM checkpoints WHERE thread_id = ?",
    "DELETE FROM writes WHERE thread_id = ?",
)
"""The last two are LangGraph's: what it remembers of a thread goes in the same transaction."""
_COMPLETE: Final = 1
"""The file's `user_version` when every turn of its checkpoints is recorded; earlier versions left it at 0."""
_TITLED_WHILE_YOUNG: Final = 2
"""A model names a conversation after its first turn or, should it fail then, after the second."""


class Conversations:
    """Every method is one transaction on the checkpointer's connection, whose `lock` it takes.

    The lock undoes what is cut off while it is held. Ids of threads come in as they are stored, see `app.tenancy`, and
    go out as their tenant knows them.
    """

    def __init__(self, connection: aiosqlite.Connection, lock: asyncio.Lock) -> None:
        self._connection = connection
        self._lock = lock

    async def create_tables(self) -> bool:
        """Make the tables, where there are none; tell whether checkpoints may hold turns that they lack."""
        async with self._writing():
            for statement in _SCHEMA:
                await self._connection.execute(statement)
            return bool(await self._value("PRAGMA user_version") < _COMPLETE)

    async def set_complete(self) -> None:
        """Every turn of the checkpoints is recorded, now and from here on."""
        async with self._writing():
            await self._connection.execute(f"PRAGMA user_version = {_COMPLETE}")

    async def record(self, thread_id: str, turns: Sequence[TurnRecord], moment: float) -> None:
        """Add those of the turns, given in order, that are not there yet; `moment` is in seconds since 1970."""
        async with self._writing():
            new: list[TurnRecord] = []
            for turn in reversed(turns):
                if await self._value(_IS_KNOWN, (thread_id, _stored_run(thread_id, turn))):
                    break
                new.insert(0, turn)
            if new:
                await self._insert(thread_id, new, moment)

    async def page(
        self, *, query: str | None, limit: int, offset: int, tenant: str = DEFAULT_TENANT
    ) -> ThreadPage:
        """A tenant's conversations, the last used first.

        `query` must stand in the title, whatever the case of ASCII letters.
        """
        chosen = f"%{_escaped(query or '')}%", *_range_of(tenant)
        async with self._lock:
            total = await self._value(_COUNT, chosen)
            rows = await self._connection.execute_fetchall(_PAGE, (*chosen, limit, offset))
        threads = [_as_info(row) for row in rows]
        end = offset + len(threads)
        return ThreadPage(threads=threads, total=total, next_offset=end if threads and end < total else None)

    async def ids(self, tenant: str) -> list[str]:
        """The ids of all threads of a tenant, as they are stored."""
        return await self._values(_IDS, _range_of(tenant))

    async def forget_rest(self, tenant: str) -> None:
        """Remove what runs have left that gave no answer: it belongs to no conversation, and may quote a document."""
        async with self._writing():
            for statement in _FORGET_REST:
                await self._connection.execute(statement, _range_of(tenant))

    async def tenants(self) -> set[str]:
        """Everybody who has a thread."""
        return {tenant_of(thread_id) for thread_id in await self._values("SELECT thread_id FROM threads")}

    async def get(self, thread_id: str, last: int | None = None) -> Thread:
        """With all of its turns, or as many as these of the newest. Raises UnknownThread."""
        async with self._lock:
            info = await self._info(thread_id)
            turns = await self._turns(thread_id, last)
            said = await feedback_on(self._connection, thread_id)
        return Thread(**info.model_dump(), turns=[_as_turn(turn, said) for turn in turns])

    async def info(self, thread_id: str) -> ThreadInfo:
        """Raises UnknownThread."""
        async with self._lock:
            return await self._info(thread_id)

    async def rename(self, thread_id: str, title: str) -> ThreadInfo:
        """Give a conversation the title that its user wants. Raises UnknownThread."""
        async with self._writing():
            await self._connection.execute(
                "UPDATE threads SET title = ?, titled_by = 'user' WHERE thread_id = ?", (title, thread_id)
            )
            return await self._info(thread_id)

    async def question_to_title(self, thread_id: str) -> str | None:
        """The first question of a young conversation that nobody has named; None of any other."""
        async with self._lock:
            question: str | None = await self._value(
                "SELECT question FROM turns JOIN threads USING (thread_id) WHERE thread_id = ? AND ordinal = 1"
                " AND titled_by = 'question' AND NOT EXISTS"
                " (SELECT 1 FROM turns AS later WHERE later.thread_id = threads.thread_id AND later.ordinal > ?)",
                (thread_id, _TITLED_WHILE_YOUNG),
            )
            return question

    async def suggest_title(self, thread_id: str, title: str) -> None:
        """Title a conversation unless its user has done so, or it is gone."""
        async with self._writing():
            await self._connection.execute(
                "UPDATE threads SET title = ?, titled_by = 'model' WHERE thread_id = ? AND titled_by = 'question'",
                (title, thread_id),
            )

    async def copy(self, thread_id: str, copy_id: str, turn_count: int, moment: float) -> list[TurnRecord]:
        """Make a conversation of the first turns of another, with a title that says so, and give them.

        Raises:
            UnknownThread
            InvalidRequest: it has not so many turns.
        """
        async with self._writing():
            info = await self._info(thread_id)
            if turn_count > info.turn_count:
                raise InvalidRequest(f"after_turn: the thread has {info.turn_count} turns")
            turns = (await self._turns(thread_id))[:turn_count]
            alike = f"{_escaped(title_without_fork(info.title))}%"
            taken = await self._values(_TITLES, (alike, *_range_of(tenant_of(copy_id))))
            await self._insert(copy_id, turns, moment, title=title_fork(info.title, taken))
            return turns

    async def remove(self, thread_id: str) -> None:
        """Forget a conversation, or a plan that waits where nothing was answered yet, and its checkpoints.

        Raises UnknownThread.
        """
        async with self._writing():
            removed = 0
            for statement in _REMOVE:
                async with self._connection.execute(statement, (thread_id,)) as cursor:
                    removed += cursor.rowcount
            if not removed:
                raise UnknownThread(f"There is no thread {plain_name(thread_id)!r}")

    async def _insert(
        self, thread_id: str, turns: Sequence[TurnRecord], moment: float, title: str | None = None
    ) -> None:
        count = await self._value(
            "SELECT coalesce(max(ordinal), 0) FROM turns WHERE thread_id = ?", (thread_id,)
        )
        await self._connection.execute(
            "INSERT INTO threads (thread_id, title, titled_by, created_at, updated_at) VALUES (?, ?, ?, ?, ?)"
            " ON CONFLICT (thread_id) DO UPDATE SET updated_at = excluded.updated_at",
            (
                thread_id,
                title or title_of(turns[0]["question"]),
                "question" if title is None else "user",
                moment,
                moment,
            ),
        )
        await self._connection.executemany(
            "INSERT INTO turns (thread_id, ordinal, run_id, question, answer) VALUES (?, ?, ?, ?, ?)",
            [
                (
                    thread_id,
                    ordinal,
                    _stored_run(thread_id, turn),
                    turn["question"],
                    json.dumps(turn["answer"]),
                )
                for ordinal, turn in enumerate(turns, start=count + 1)
            ],
        )

    async def _info(self, thread_id: str) -> ThreadInfo:
        rows = list(await self._connection.execute_fetchall(f"{_INFO} WHERE thread_id = ?", (thread_id,)))
        if not rows:
            raise UnknownThread(f"There is no thread {plain_name(thread_id)!r}")
        return _as_info(rows[0])

    async def _turns(self, thread_id: str, last: int | None = None) -> list[TurnRecord]:
        rows = await self._connection.execute_fetchall(
            "SELECT question, answer FROM (SELECT * FROM turns WHERE thread_id = ? ORDER BY ordinal DESC LIMIT ?)"
            " ORDER BY ordinal",
            (thread_id, -1 if last is None else last),
        )
        return [{"question": question, "answer": json.loads(answer)} for question, answer in rows]

    async def _values(self, statement: str, parameters: Iterable[Any] = ()) -> list[Any]:
        return [value for (value,) in await self._connection.execute_fetchall(statement, parameters)]

    async def _value(self, statement: str, parameters: Iterable[Any] = ()) -> Any:
        return next(iter(await self._values(statement, parameters)), None)

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[None]:
        async with self._lock:
            yield
            await self._connection.commit()


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


def _range_of(tenant: str) -> tuple[str, int]:
    """What to look for in stored ids, and where it must be found: nowhere, or at their beginning."""
    return (SEPARATOR, 0) if tenant == DEFAULT_TENANT else (tenant + SEPARATOR, 1)


def _escaped(text: str) -> str:
    return text.replace("!", "!!").replace("%", "!%").replace("_", "!_")
