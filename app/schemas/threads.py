"""Conversations."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

from pydantic import AfterValidator, Field

from app.schemas.answers import Answer
from app.schemas.base import Wire
from app.schemas.feedback import Feedback

MAX_THREAD_TITLE_CHARS = 200


class Turn(Wire):
    question: str
    answer: Answer
    feedback: Feedback | None = Field(default=None, description="What was said of the answer, if anything")


class ThreadBase(Wire):
    thread_id: str
    title: str
    created_at: datetime
    updated_at: datetime = Field(description="When something was asked last")
    turn_count: int = Field(description="All turns, whether they are given here or not")
    waits: bool = Field(False, description="The plan of a research waits for approval")


class ThreadInfo(ThreadBase):
    """A conversation as a list shows it."""


class Thread(ThreadBase):
    """A conversation, its turns from the oldest to the newest."""

    turns: list[Turn]


class ThreadPage(Wire):
    """Some of `total` conversations; the next ones begin at `next_offset`, null at the end."""

    threads: list[ThreadInfo]
    total: int
    next_offset: int | None


def _as_line(title: str) -> str:
    """One printable line: a title stands in lists, in headings and in terminals."""
    line = " ".join("".join(c if c.isprintable() else " " for c in title).split())
    if not line:
        raise ValueError("there is nothing visible in it")
    return line


class RenameRequest(Wire):
    title: Annotated[str, Field(min_length=1, max_length=MAX_THREAD_TITLE_CHARS), AfterValidator(_as_line)]


class ForkRequest(Wire):
    after_turn: int = Field(ge=1, description="The last turn that the new thread has, counted from 1")
