"""The figures of an evaluation in words, and in the order in which they are shown; no drawing, no network."""

from __future__ import annotations

from typing import NamedTuple

from app.schemas import Evaluation

# Of the project's own documents and requests, which every evaluation has.
OWN_SETS = ("samples", "routing")
RANKING_MEASURES = ("recall_at_5", "recall_at_10", "mrr_at_10", "ndcg_at_10")
_SETS = {"samples": "Samples", "routing": "Routing", "judge": "Judged by the model"}
_METHODS = {"system": "Service"}
_SPELLED = {"mrr": "MRR", "ndcg": "nDCG", "rouge": "ROUGE"}


class Figure(NamedTuple):
    set_name: str
    name: str
    value: float
    least: float | None

    @property
    def is_below(self) -> bool:
        return self.least is not None and not self.value >= self.least

    @property
    def title(self) -> str:
        return measure_title(self.name)

    @property
    def label(self) -> str:
        """For a place that does not name the set."""
        return self.title if self.set_name == OWN_SETS[0] else f"{set_title(self.set_name)}: {self.title}"


def figures_of(evaluation: Evaluation) -> list[Figure]:
    return [
        Figure(*_split(name), value, evaluation.thresholds.get(name))
        for name, value in evaluation.figures.items()
    ]


def set_title(name: str) -> str:
    return _SETS.get(name, name)


def method_title(name: str) -> str:
    return _METHODS.get(name, name)


def measure_title(name: str) -> str:
    """`ndcg_at_10` as people write it."""
    first, *others = name.replace("follow_ups", "follow-ups").split("_")
    return " ".join([_SPELLED.get(first, first.capitalize()), *(_SPELLED.get(word, word) for word in others)])


def _split(name: str) -> tuple[str, str]:
    set_name, _, figure = name.rpartition(".")
    return set_name, figure
