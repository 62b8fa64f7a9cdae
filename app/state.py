"""What flows through the graph of one run, and the little of it that a thread remembers.

Only `turns` is checkpointed. Everything else lives for one run, so that nothing of an earlier question can leak into
the next one, and evidence is never serialised.
"""

from __future__ import annotations

from typing import Annotated, Any

from langgraph.channels.untracked_value import UntrackedValue
from typing_extensions import TypedDict

from app.chains.records import Turn
from app.schemas import AgentChoice, AgentName, ModeChoice

REMEMBERED_TURNS = 12
"""Enough for any follow-up; `app.conversations` keeps all of them."""


class TurnRecord(TypedDict):
    """One finished exchange; `answer` is an `Answer` as JSON."""

    question: str
    answer: dict[str, Any]


def keep_recent(turns: list[TurnRecord], new: list[TurnRecord]) -> list[TurnRecord]:
    """Append, and let go of the oldest: every checkpoint holds the whole list."""
    return [*turns, *new][-REMEMBERED_TURNS:]


class RunInput(TypedDict):
    """What is known when a run begins.

    `started` is a `perf_counter` reading; `streams` whether somebody reads the answer while it is being written;
    `plan` the sub-questions of a research that was approved, empty where it is to be made.
    """

    run_id: Annotated[str, UntrackedValue]
    thread_id: Annotated[str, UntrackedValue]
    started: Annotated[float, UntrackedValue]
    question: Annotated[str, UntrackedValue]
    collection: Annotated[str, UntrackedValue]
    agent: Annotated[AgentChoice, UntrackedValue]
    mode: Annotated[ModeChoice, UntrackedValue]
    document_ids: Annotated[list[str] | None, UntrackedValue]
    top_k: Annotated[int, UntrackedValue]
    history: Annotated[tuple[Turn, ...], UntrackedValue]
    streams: Annotated[bool, UntrackedValue]
    approve_plan: Annotated[bool, UntrackedValue]
    plan: Annotated[tuple[str, ...], UntrackedValue]


class AgentResult(TypedDict):
    """The part of an `Answer` that an agent decides, as JSON; the router graph adds ids and the total time."""

    result: Annotated[dict[str, Any], UntrackedValue]


class RunState(RunInput, AgentResult):
    """State of the router graph; every agent reads it and gives back an `AgentResult` only."""

    turns: Annotated[list[TurnRecord], keep_recent]
    route: Annotated[AgentName, UntrackedValue]
    route_reason: Annotated[str, UntrackedValue]
    standalone: Annotated[str, UntrackedValue]
    degraded: Annotated[list[str], UntrackedValue]
    timings_ms: Annotated[dict[str, float], UntrackedValue]
