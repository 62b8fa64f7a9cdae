"""Runs blocking work beside the event loop, in a pool of the caller's choice."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


async def call_in(pool: Executor, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Await `function(*args, **kwargs)` in a thread of the pool."""
    return await asyncio.get_running_loop().run_in_executor(pool, partial(function, *args, **kwargs))
