"""What the service is asked about evaluations of its quality."""

from __future__ import annotations

from app.schemas import Evaluation, EvaluationInfo, EvaluationList
from ui.connection import Connection, read_wire

_LISTED = 50


class EvaluationCalls(Connection):
    """`Client` has these calls among others."""

    def evaluations(self) -> list[EvaluationInfo]:
        """The newest runs, newest first."""
        response = self._request("GET", "/evaluations", params={"limit": _LISTED})
        return read_wire(EvaluationList, response).evaluations

    def evaluation(self, name: str) -> Evaluation:
        return read_wire(Evaluation, self._request("GET", f"/evaluations/{name}"))
