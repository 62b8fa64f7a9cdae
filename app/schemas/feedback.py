"""What readers say of answers."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StringConstraints

from app.schemas.base import Identifier, Wire

MAX_COMMENT_CHARS = 2_000


def _require_whole_number(score: object) -> object:
    """Python takes `true` and `1.0` for 1; who sends them means something else."""
    if type(score) is not int:
        raise ValueError("-1 or 1 is accepted")
    return score


Score = Annotated[Literal[-1, 1], BeforeValidator(_require_whole_number)]
_Comment = Annotated[str, StringConstraints(strip_whitespace=True, max_length=MAX_COMMENT_CHARS)]


def _none_if_blank(comment: str | None) -> str | None:
    return comment or None


class FeedbackRequest(Wire):
    run_id: Identifier = Field(description="`run_id` of an Answer on a thread")
    score: Score = Field(description="1 when the answer helped, -1 when it did not")
    comment: Annotated[_Comment | None, AfterValidator(_none_if_blank)] = None


class Feedback(Wire):
    """What was said of an answer last."""

    run_id: str
    score: Score
    comment: str | None
    given_at: datetime
