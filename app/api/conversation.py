"""Conversations that a client keeps itself and sends along with each question."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

from app.api.readable_events import without_footnotes
from app.chains.records import Turn

Speaker = Literal["human", "ai", "other"]


def history_of(said: Iterable[tuple[Speaker, str]]) -> tuple[Turn, ...]:
    """What was said before as turns; an answer nobody asked for has an empty question, other voices are left out."""
    history, question = [], ""
    for speaker, text in said:
        if speaker == "human":
            question = text
        elif speaker == "ai":
            history.append(Turn(question=question, answer=without_footnotes(text)))
    return tuple(history)
