"""Stops a run whose caller has hung up, and with it the request to the model."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import anyio
from fastapi import HTTPException, Request

from app.runs import Runner, RunRequest
from app.schemas import Answer, Interrupt

T = TypeVar("T")

_POLL_S = 0.5
_CLIENT_CLOSED_REQUEST = 499  # nginx's status; nobody is there to read it but the log


async def answer_while_connected(runner: Runner, run: RunRequest, request: Request) -> Answer | Interrupt:
    """Give the answer; a caller that hangs up gets none, and the run ends within half a second."""
    work = asyncio.create_task(runner.outcome(run))
    try:
        while not (await asyncio.wait([work], timeout=_POLL_S))[0]:
            if await request.is_disconnected():
                raise HTTPException(_CLIENT_CLOSED_REQUEST, "The caller has hung up")
        return work.result()
    finally:
        work.cancel()
        await asyncio.wait([work])  # until then the thread is busy, and what the run holds open is in use


async def in_own_task(work: Awaitable[T]) -> T:
    """Await work that must end in order when the call is cancelled.

    A cancelled scope of anyio interrupts whatever is awaited in it, again and again; a task of asyncio's own is
    outside of it and is interrupted once.
    """
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task])
        return task.result()
    finally:
        task.cancel()
        with anyio.CancelScope(shield=True):
            await asyncio.wait([task])
