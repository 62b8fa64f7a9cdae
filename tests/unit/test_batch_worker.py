"""Whose questions the worker of batches takes."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from pathlib import Path
from typing import Any, cast

from app.batch_worker import BatchWorker
from app.errors import LlmopsError, TooManyRequests
from app.knowledge.batches import NewItem
from app.knowledge.store import open_store
from app.runs import Runner, RunRequest
from app.schemas import ProblemInfo
from tests.live import make_settings


class Refusing:
    """A runner that refuses one tenant, who has used up his tokens, and any other for an error of its own."""

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_done = asyncio.Event()

    async def run(self, request: RunRequest) -> Any:
        self.asked.append(request.tenant)
        if len(self.asked) == 4:
            self.is_done.set()
        if request.tenant == "north":
            raise TooManyRequests("nothing is left", retry_after_s=3_000)
        raise LlmopsError("answered, as far as this test goes")


async def in_pool(function: Any, *args: Any, **kwargs: Any) -> Any:
    return await asyncio.to_thread(function, *args, **kwargs)


async def test_who_has_used_up_what_he_may_have_keeps_nobody_waiting(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        batches, runner = store.batches(lease_s=20), Refusing()
        for tenant in ("north", "south"):
            items = [NewItem("Why?", {"question": "Why?", "tenant": tenant}) for _ in range(3)]
            batches.open(items, tenant=tenant)
        async with aclosing(BatchWorker(batches, cast(Runner, runner), in_pool, concurrency=1)) as worker:
            worker.start()
            async with asyncio.timeout(20):
                await runner.is_done.wait()
        assert runner.asked == ["north", "south", "south", "south"]


def test_a_question_does_not_wait_behind_two_hundred_of_another(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        batches = store.batches(lease_s=20)
        for tenant, count in (("north", 100), ("north", 100), ("south", 2)):
            items = [NewItem("Why?", {"question": "Why?", "tenant": tenant}) for _ in range(count)]
            batches.open(items, tenant=tenant)
        turns = []
        for number in range(5):
            claim = batches.claim_next(str(number))
            assert claim is not None
            turns.append(claim.request["tenant"])
            batches.finish(claim, problem=ProblemInfo(code="x", detail="answered"))
        assert turns == ["north", "south", "north", "south", "north"]
        assert batches.claim_next("of nobody", but_of=["north"]) is None
        held = batches.claim_next("who keeps it")
        batches.open([NewItem("Why?", {"question": "Why?", "tenant": "east"})], tenant="east")
        other = store.batches(lease_s=20).claim_next("of another process")
        assert held is not None
        assert other is not None
        assert (held.request["tenant"], other.request["tenant"]) == ("north", "east")
