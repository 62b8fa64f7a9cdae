"""What is given up ends in order."""

from __future__ import annotations

import asyncio

import anyio
import pytest

from app.api.disconnects import in_own_task


async def test_work_in_a_cancelled_scope_ends_in_order() -> None:
    steps: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        finally:
            await asyncio.sleep(0.1)
            steps.append("cleaned up")

    with anyio.move_on_after(0.05):
        await in_own_task(work())

    assert steps == ["cleaned up"]


async def test_a_result_and_an_error_come_through() -> None:
    async def divide(number: int) -> int:
        return 12 // number

    assert await in_own_task(divide(4)) == 3
    with pytest.raises(ZeroDivisionError):
        await in_own_task(divide(0))
