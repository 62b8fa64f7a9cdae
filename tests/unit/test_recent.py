"""However many ask how the service is, it is found out once a second."""

from __future__ import annotations

import asyncio

import pytest

from app.api.recent import Recent


class Answers:
    def __init__(self) -> None:
        self.asked = 0
        self.fails = False

    async def next(self) -> int:
        await asyncio.sleep(0.01)
        self.asked += 1
        if self.fails:
            raise OSError("no answer")
        return self.asked


async def test_many_who_ask_at_once_cost_as_much_as_one() -> None:
    answers, recent = Answers(), Recent[int](60)
    assert await asyncio.gather(*(recent.get(answers.next) for _ in range(50))) == [1] * 50
    assert answers.asked == 1


async def test_what_is_old_is_found_out_again() -> None:
    answers, recent = Answers(), Recent[int](0.05)
    assert await recent.get(answers.next) == 1
    await asyncio.sleep(0.06)
    assert await recent.get(answers.next) == 2


async def test_a_failure_is_not_told_again() -> None:
    answers, recent = Answers(), Recent[int](60)
    answers.fails = True
    with pytest.raises(OSError, match="no answer"):
        await recent.get(answers.next)
    answers.fails = False
    assert await recent.get(answers.next) == 2
