"""Answers the questions of batches in the background, a few at a time."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from logging import getLogger
from typing import Any
from uuid import uuid4

from app.errors import LlmopsError, Overloaded, StorageUnavailable, TooManyRequests
from app.knowledge.batches import BatchClaim, Batches
from app.runs import Runner, RunRequest
from app.schemas import ProblemInfo
from app.telemetry.links import SpanLinks
from app.tenancy import DEFAULT_TENANT

log = getLogger("llmops.rag")

LEASE_S = 20.0
_RENEWALS_PER_LEASE = 4
_POLL_S = 1.0
_LONGEST_REST_S = 60.0
_FAILED = ProblemInfo(
    code=LlmopsError.code, detail="The question failed unexpectedly; the log has the details"
)

InPool = Callable[..., Coroutine[Any, Any, Any]]


class BatchWorker:
    """Questions of a batch belong to no thread: each stands alone, and leaves no conversation."""

    def __init__(self, batches: Batches, runner: Runner, in_pool: InPool, *, concurrency: int) -> None:
        self._batches = batches
        self._runner = runner
        self._in_pool = in_pool
        self._concurrency = concurrency
        self._name = f"{os.getpid()}-{uuid4().hex[:12]}"
        self._numbers = itertools.count()
        self._loops: list[asyncio.Task[None]] = []
        self._answering: dict[str, asyncio.Task[None]] = {}
        self._work = asyncio.Event()
        self._is_stopping = False
        self._links = SpanLinks()
        self._resting: dict[str, float] = {}
        """Tenants who have used up what they may have, and until when nothing of theirs is tried."""

    def start(self) -> None:
        """Take questions, tenant by tenant those of the oldest job first, until `aclose`."""
        loops = [self._work_off() for _ in range(self._concurrency)]
        self._loops = [asyncio.create_task(loop) for loop in (*loops, self._keep_alive())]

    async def aclose(self) -> None:
        """Give the questions that are being answered back, for whoever comes next."""
        self._is_stopping = True
        tasks = [*self._loops, *self._answering.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def wake(self) -> None:
        """Look for questions now: some came in."""
        self._work.set()

    def expect(self, job_id: str) -> None:
        """Look for questions now: those of this job came in, as part of the present trace."""
        self._links.remember(job_id)
        self.wake()

    async def check_claims(self) -> None:
        """Renew all claims, and stop answering what was cancelled or taken over."""
        owners = list(self._answering)
        if not owners:
            return
        held = await self._in_pool(self._batches.renew, owners)
        for owner in owners:
            if owner not in held and (task := self._answering.get(owner)) is not None:
                task.cancel()

    async def _work_off(self) -> None:
        while True:
            self._work.clear()
            if not await self._work_on_next():
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._work.wait(), _POLL_S)

    async def _work_on_next(self) -> bool:
        """Answer one question, if there is any; whatever happens, the loop lives on."""
        owner = f"{self._name}-{next(self._numbers)}"
        try:
            claim = await self._in_pool(self._batches.claim_next, owner, but_of=self._who_rests())
        except StorageUnavailable as error:
            log.warning("storage_unavailable", extra={"reason": error.detail})
            return False
        if claim is None:
            return False
        task = self._answering[owner] = asyncio.create_task(self._answer(claim))
        try:
            await asyncio.wait([task])
        finally:
            del self._answering[owner]
        if not task.cancelled() and (failure := task.exception()) is not None:
            log.warning("batch_answer_not_stored", extra={"job_id": claim.job_id, "reason": str(failure)})
            return False
        return True

    async def _answer(self, claim: BatchClaim) -> None:
        try:
            with self._links.below(claim.job_id):
                answer = await self._runner.run(RunRequest(**claim.request, history=()))
        except asyncio.CancelledError:
            if self._is_stopping:
                await self._in_pool(self._batches.release, claim)
            raise
        except TooManyRequests as refusal:
            self._let_rest(claim, refusal)
            await self._in_pool(self._batches.release, claim)
        except Overloaded:
            await self._in_pool(self._batches.release, claim)
            await asyncio.sleep(_POLL_S)
        except LlmopsError as error:
            problem = ProblemInfo(code=error.code, detail=error.detail)
            await self._in_pool(self._batches.finish, claim, problem=problem)
        except Exception:  # the last resort of a question that has nobody waiting for it
            log.exception("batch_question_failed_unexpectedly", extra={"job_id": claim.job_id})
            await self._in_pool(self._batches.finish, claim, problem=_FAILED)
        else:
            kept = answer.model_dump(
                mode="json", exclude={"evidence", "suggestions"}
            )  # which may name what is deleted later
            await self._in_pool(self._batches.finish, claim, answer=kept)

    def _let_rest(self, claim: BatchClaim, refusal: TooManyRequests) -> None:
        """Whoever has nothing left must not keep the others waiting behind his questions."""
        tenant = claim.request.get("tenant", DEFAULT_TENANT)
        self._resting[tenant] = time.monotonic() + min(refusal.retry_after_s, _LONGEST_REST_S)

    def _who_rests(self) -> list[str]:
        now = time.monotonic()
        self._resting = {tenant: until for tenant, until in self._resting.items() if until > now}
        return list(self._resting)

    async def _keep_alive(self) -> None:
        while True:
            await asyncio.sleep(self._batches.lease_s / _RENEWALS_PER_LEASE)
            try:
                await self.check_claims()
            except StorageUnavailable as error:
                log.warning("storage_unavailable", extra={"reason": error.detail})
