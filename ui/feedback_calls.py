"""What the service is told of its answers."""

from __future__ import annotations

from typing import Literal

from app.schemas import Feedback
from ui.connection import Connection, read_wire


class FeedbackCalls(Connection):
    """`Client` has these calls among others."""

    def give_feedback(self, run_id: str, score: Literal[-1, 1], comment: str | None = None) -> Feedback:
        """Keep what a reader says of an answer, in place of what was said before."""
        body = {"run_id": run_id, "score": score, "comment": comment}
        return read_wire(Feedback, self._request("POST", "/feedback", json=body))

    def withdraw_feedback(self, run_id: str) -> None:
        self._request("DELETE", f"/feedback/{run_id}")
