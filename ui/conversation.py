"""One conversation as a page shows it; no drawing, no network."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import uuid4

from app.schemas import Answer, Feedback
from ui.run import Run

TURNS_AT_A_TIME = 20


@dataclass(eq=False)
class Turn:
    """`key` tells its fields from those of any other turn: a field keeps what is in it while its key is drawn."""

    question: str
    run: Run
    feedback: Feedback | None = None
    key: str = field(default_factory=lambda: uuid4().hex)


@dataclass
class Conversation:
    """The newest of its turns; `earlier` ones, all answered, the service keeps until more are `shown`."""

    thread_id: str = field(default_factory=lambda: uuid4().hex)
    turns: list[Turn] = field(default_factory=list)
    earlier: int = 0
    shown: int = TURNS_AT_A_TIME

    @property
    def has_plan(self) -> bool:
        """Whether the newest turn is a research that has not been carried out."""
        return bool(self.turns) and self.turns[-1].run.answer is None and bool(self.turns[-1].run.plan)

    def answers(self) -> list[Answer]:
        return [turn.run.answer for turn in self.turns if turn.run.answer]

    def count_answered(self, turn: Turn) -> int:
        """How many answers there are up to this turn, its own included; the service counts no other turns."""
        until = self.turns[: self.turns.index(turn) + 1]
        return self.earlier + sum(known.run.answer is not None for known in until)

    def show_more(self) -> None:
        self.shown += TURNS_AT_A_TIME
