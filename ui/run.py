"""What is known of one run while its events arrive, and afterwards; no drawing, no network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from app.schemas import Answer, PlanValue


@dataclass
class Run:
    """Takes the events of the public contract in order. A kind of event it does not know changes nothing.

    `plan` is that of a research, which goes on with it when it is approved; until then it `waits`.
    """

    text: str = ""
    agent: str | None = None
    reason: str = ""
    step: str = ""
    progress: float | None = None
    answer: Answer | None = None
    failure: str | None = None
    plan: Sequence[str] = ()
    waits: bool = False
    run_id: str | None = None

    def apply(self, event: Mapping[str, Any]) -> None:
        content = str(event.get("content", ""))
        match event.get("type"):
            case "run":
                self.run_id = event.get("run_id")
            case "route":
                self.agent, self.reason = str(event["agent"]), str(event.get("reason", ""))
            case "status":
                self._begin_step(content.strip(), event)
            case "token":
                self.text += content
            case "interrupt":
                self.plan = PlanValue.model_validate(event["value"], extra="ignore").sub_questions
                self.waits = True
            case "error":
                self.failure = content
            case "final":
                self.answer = Answer.model_validate(dict(event), extra="ignore")
                self.text, self.agent = self.answer.answer, self.answer.agent

    @property
    def is_finished(self) -> bool:
        return self.answer is not None or self.failure is not None or self.waits

    def forget_plan(self) -> None:
        """Another question was asked: the service keeps the plan no longer."""
        self.plan, self.waits = (), False

    def _begin_step(self, content: str, event: Mapping[str, Any]) -> None:
        if event.get("reset"):
            # The model failed half-way and another engine starts over: what was streamed is void.
            self.text = ""
        self.step = content or self.step
        done, total = event.get("done"), event.get("total")
        self.progress = min(done / total, 1.0) if done is not None and total else None


def waiting_run(plan: Sequence[str]) -> Run:
    """A research of an earlier visit that waits for its plan to be approved."""
    return Run(agent="research", plan=plan, waits=True)


def finished_run(answer: Answer) -> Run:
    """A run of an earlier visit, of which only its answer is known."""
    return Run(text=answer.answer, agent=answer.agent, answer=answer)
