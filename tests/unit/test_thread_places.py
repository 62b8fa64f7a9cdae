"""Conversations, what is said of them and the plans that wait are the same in SQLite and in PostgreSQL."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint
from sqlalchemy import column, func, select, table

from app.errors import InvalidRequest, UnknownRun, UnknownThread
from app.schemas import FeedbackRequest
from app.state import REMEMBERED_TURNS
from app.tenancy import stored_name
from app.thread_memory import ThreadMemory
from tests.thread_places import PLACES, OpenMemory, opener
from tests.unit.test_thread_memory import talk, turn

REQUEST = {"question": "How do the contracts differ?", "collection": None}


@pytest.fixture(params=PLACES)
def open_memory(request: pytest.FixtureRequest, tmp_path: Path) -> OpenMemory:
    return opener(request.param, tmp_path)


def words(run_id: str, score: int = 1, comment: str | None = None) -> FeedbackRequest:
    return FeedbackRequest.model_validate({"run_id": run_id, "score": score, "comment": comment})


async def questions(memory: ThreadMemory, thread_id: str, last: int | None = None) -> list[str]:
    return [said.question for said in (await memory.conversations.get(thread_id, last)).turns]


async def listed(memory: ThreadMemory, query: str | None = None, **of: Any) -> list[str]:
    page = await memory.conversations.page(**({"query": query, "limit": 50, "offset": 0} | of))
    return [info.thread_id for info in page.threads]


async def rows_of(memory: ThreadMemory, thread_id: str) -> dict[str, int]:
    names = (*memory.database.checkpoint_tables, "threads", "turns", "waiting_plans")
    async with memory.database.reading() as now:
        return {
            name: await now.value(
                select(func.count())
                .select_from(table(name, column("thread_id")))
                .where(column("thread_id") == thread_id)
            )
            for name in names
        }


async def test_a_conversation_is_remembered_whole_and_its_newest_checkpoint_alone(
    open_memory: OpenMemory,
) -> None:
    turns = REMEMBERED_TURNS + 3
    async with open_memory() as memory:
        assert len(await talk(memory, "t", range(turns))) == REMEMBERED_TURNS
    async with open_memory() as memory:
        assert await questions(memory, "t") == [f"What about t-{n}?" for n in range(turns)]
        assert await questions(memory, "t", 2) == [f"What about t-{n}?" for n in range(turns - 2, turns)]
        counts = await rows_of(memory, "t")
        assert (counts["checkpoints"], counts["turns"]) == (1, turns)
        assert counts.get("checkpoint_blobs", 1) <= 3
        assert (await memory.conversations.info("t")).turn_count == turns


async def test_what_is_deleted_leaves_no_row(open_memory: OpenMemory) -> None:
    async with open_memory() as memory:
        await talk(memory, "kept", range(1))
        await talk(memory, "gone", range(2))
        await memory.feedback.give(words("gone-1"), 0, tenant="default")
        await memory.plans.keep("gone", REQUEST, ["a", "b"], 1.0)
        await memory.forget("gone")
        assert set((await rows_of(memory, "gone")).values()) == {0}
        with pytest.raises(UnknownRun):
            await memory.feedback.withdraw("gone-1", tenant="default")
        with pytest.raises(UnknownThread):
            await memory.forget("gone")
        assert await listed(memory) == ["kept"]
        assert await memory.aget_tuple({"configurable": {"thread_id": "kept"}}) is not None


async def test_a_deletion_that_fails_at_its_end_removes_nothing(
    open_memory: OpenMemory, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_memory() as memory:
        await talk(memory, "t", range(2))
        before = await rows_of(memory, "t")
        monkeypatch.setattr(memory.database, "checkpoint_tables", ("checkpoints", "no_such_table"))
        with pytest.raises(Exception, match="no_such_table"):
            await memory.forget("t")
        monkeypatch.undo()
        assert await rows_of(memory, "t") == before
        assert len(await talk(memory, "t", range(2, 3))) == 3


async def test_threads_that_hold_something_of_a_document_are_named(open_memory: OpenMemory) -> None:
    async with open_memory() as memory:
        await talk(memory, "north/answered", range(1))
        await talk(memory, "other", range(1))
        place = {"configurable": {"thread_id": "half-done", "checkpoint_ns": ""}}
        stored = await memory.aput(place, empty_checkpoint(), {}, {})
        await memory.aput_writes(stored, [("draft", {"quoted": ["answered-0", "\0"]})], "task")
        assert await memory.conversations.quoting("answered-0") == ["half-done", "north/answered"]
        assert await memory.conversations.quoting("answered_0") == []
        await memory.conversations.remove("half-done")
        assert await memory.conversations.quoting("answered-0") == ["north/answered"]


async def test_conversations_are_listed_by_tenant_title_and_page(open_memory: OpenMemory) -> None:
    async with open_memory() as memory:
        for moment, (tenant, name) in enumerate(
            [("default", "a"), ("north", "b"), ("north-east", "c"), ("default", "d"), ("north", "e")]
        ):
            stored = stored_name(tenant, name)
            await memory.conversations.record(stored, [turn(name)], moment)
            await memory.conversations.rename(stored, f"100% of_{name.upper()}!")
        assert await listed(memory) == ["d", "a"]
        assert await listed(memory, tenant="north") == ["e", "b"]
        assert await listed(memory, tenant="north", query="OF_b") == ["b"]
        assert await listed(memory, query="0%") == ["d", "a"]
        assert await listed(memory, query="0_") == []
        page = await memory.conversations.page(query=None, limit=1, offset=0)
        assert (len(page.threads), page.total, page.next_offset) == (1, 2, 1)
        assert await listed(memory, limit=1, offset=1) == ["a"]
        assert await memory.conversations.ids("north") == ["north/b", "north/e"]
        assert await memory.conversations.tenants() == {"default", "north", "north-east"}
        assert await memory.forget_all("north") == 2
        assert await memory.conversations.tenants() == {"default", "north-east"}


async def test_what_runs_without_an_answer_have_left_goes_with_the_tenant(open_memory: OpenMemory) -> None:
    async with open_memory() as memory:
        await talk(memory, "t", range(1))
        found = await memory.aget_tuple({"configurable": {"thread_id": "t"}})
        assert found is not None
        for thread_id in ("unanswered", "north/unanswered"):
            place: Any = {"configurable": {"thread_id": thread_id, "checkpoint_ns": ""}}
            silent = {**found.checkpoint, "channel_values": {}}
            await memory.aput(place, silent, found.metadata, silent["channel_versions"])  # type: ignore[arg-type]
        await memory.conversations.forget_rest("default")
        assert (await rows_of(memory, "unanswered"))["checkpoints"] == 0
        assert (await rows_of(memory, "north/unanswered"))["checkpoints"] == 1
        assert (await rows_of(memory, "t"))["checkpoints"] == 1


async def test_titles_are_a_models_until_they_are_a_users(open_memory: OpenMemory) -> None:
    async with open_memory() as memory:
        known = memory.conversations
        await talk(memory, "t", range(1))
        assert await known.question_to_title("t") == "What about t-0?"
        await known.suggest_title("t", "By a model")
        assert (await known.info("t")).title == "By a model"
        assert await known.question_to_title("t") is None
        assert (await known.rename("t", "By its user")).title == "By its user"
        await known.suggest_title("t", "By a model again")
        assert (await known.info("t")).title == "By its user"
        await talk(memory, "old", range(3))
        assert await known.question_to_title("old") is None
        with pytest.raises(UnknownThread):
            await known.rename("nowhere", "x")


async def test_a_fork_has_the_first_turns_and_their_feedback(open_memory: OpenMemory) -> None:
    async with open_memory() as memory:
        await talk(memory, "t", range(3))
        given = await memory.feedback.give(words("t-0", -1, "no"), 12.5, tenant="default")
        copied = await memory.conversations.copy("t", "fork", 2, 5.0)
        assert [record["question"] for record in copied] == ["What about t-0?", "What about t-1?"]
        await memory.forget("t")
        fork = await memory.conversations.get("fork")
        assert [said.feedback for said in fork.turns] == [given, None]
        assert fork.created_at.timestamp() == 5.0
        with pytest.raises(InvalidRequest):
            await memory.conversations.copy("fork", "again", 3, 6.0)


async def test_feedback_takes_the_place_of_what_was_said_before(open_memory: OpenMemory) -> None:
    async with open_memory() as memory:
        await talk(memory, "t", range(1))
        with pytest.raises(UnknownRun):
            await memory.feedback.give(words("t-9"), 0, tenant="default")
        with pytest.raises(UnknownRun):
            await memory.feedback.give(words("t-0"), 0, tenant="north")
        for score in (1, -1):
            given = await memory.feedback.give(words("t-0", score), score, tenant="default")
        [only] = (await memory.conversations.get("t")).turns
        assert only.feedback == given
        await memory.feedback.withdraw("t-0", tenant="default")
        [only] = (await memory.conversations.get("t")).turns
        assert only.feedback is None


async def test_a_plan_waits_is_listed_and_goes(open_memory: OpenMemory) -> None:
    async with open_memory() as memory:
        await memory.plans.keep("p", REQUEST, ["one"], 1.0)
        await memory.plans.keep("p", {**REQUEST, "question": "And now?"}, ["two"], 2.0)
        info = await memory.conversations.info("p")
        assert (info.title, info.turn_count, info.waits) == ("And now?", 0, True)
    async with open_memory() as memory:
        assert await memory.plans.get("p") == ({**REQUEST, "question": "And now?"}, ["two"])
        await memory.plans.forget("p")
        assert await memory.plans.get("p") is None
        assert await listed(memory) == []
        await talk(memory, "t", range(1))
        await memory.plans.keep("t", REQUEST, ["one"], 3.0)
        assert (await memory.conversations.info("t")).title == "What about t-0?"
        await memory.plans.forget("t")
        assert await listed(memory) == ["t"]


async def test_any_character_of_a_question_can_be_kept(open_memory: OpenMemory) -> None:
    async with open_memory() as memory:
        said = {**turn("r"), "question": "nul \0, percent %s, colon :x, \N{PILE OF POO} and 'quotes'"}
        await memory.conversations.record("t", [said], 1.0)  # type: ignore[list-item]
        [kept] = await questions(memory, "t")
        assert kept.replace("\N{REPLACEMENT CHARACTER}", "\0") == said["question"]


async def test_two_processes_that_answer_at_once_lose_no_turn(open_memory: OpenMemory) -> None:
    async with open_memory() as one, open_memory() as other:
        await asyncio.gather(
            *(
                memory.conversations.record("t", [turn(f"{name}-{n}")], n)
                for n in range(10)
                for name, memory in (("one", one), ("other", other))
            )
        )
        found = await one.conversations.get("t")
        assert len({said.answer.run_id for said in found.turns}) == found.turn_count == 20
