"""Runs blocking work beside the event loop, in a pool of the caller's choice, and after what is urgent."""

from __future__ import annotations

import asyncio
import contextvars
import os
import sys
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import ParamSpec, TypeVar

_BACKGROUND_NICENESS = 15

P = ParamSpec("P")
T = TypeVar("T")


async def call_in(pool: Executor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Await `function(*args, **kwargs)` in a thread of the pool, which knows whose work it does."""
    work = partial(contextvars.copy_context().run, function, *args, **kwargs)
    return await asyncio.get_running_loop().run_in_executor(pool, work)


def yield_to_others() -> None:
    """Let this thread, and the threads and processes that it starts, use only the time that nobody else wants.

    Ingestion fills every core for minutes; a question that comes meanwhile must not wait for it. Only Linux gives each
    thread a priority of its own.
    """
    if sys.platform == "linux":
        os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), _BACKGROUND_NICENESS)
