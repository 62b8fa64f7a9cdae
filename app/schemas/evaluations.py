"""What `make eval` has measured. Figures are shares in [0, 1], the higher the better, unless a field says otherwise."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import Field

from app.schemas.base import Wire

Share = float


class EvaluationInfo(Wire):
    """One run as a list shows it."""

    name: str
    created_at: datetime
    profile: Literal["quick", "full"]
    seconds: float
    embedding_model: str
    chat_model: str | None = Field(description="null where the demo engine answered")
    commit: str | None = Field(None, description="Of the project, as git names it")
    compared: int = Field(0, description="Figures that have a threshold for these models; 0 judges nothing")
    failed: int = Field(0, description="How many of those are below it")


class EvaluatedSet(Wire):
    """What was asked of what."""

    name: str
    questions: int
    documents: int | None = None


class RankingFigures(Wire):
    """How well one method finds what a set's judgements call relevant; `system` is the service, others are simple."""

    set_name: str
    method: str
    recall_at_5: Share
    recall_at_10: Share
    mrr_at_10: Share
    ndcg_at_10: Share


class RefusalCurve(Wire):
    """What would be refused and answered if the reader had to be surer, or less sure, than it is configured to be.

    Points are pairs: the share of the unanswerable questions that is refused, of the answerable that is answered.
    """

    kind: str = Field(description="Which questions have no answer")
    points: list[tuple[Share, Share]]
    configured: tuple[Share, Share] = Field(description="Where the service stands")


class Evaluation(EvaluationInfo):
    machine: str = Field("", description="What it was measured on")
    sets: list[EvaluatedSet] = Field(default_factory=list)
    figures: dict[str, float] = Field(description="By `set.figure`; `judge.kappa` may be negative")
    thresholds: dict[str, float] = Field(
        default_factory=dict, description="The least that is accepted of a figure"
    )
    rankings: list[RankingFigures] = Field(default_factory=list)
    refusals: list[RefusalCurve] = Field(default_factory=list)


class EvaluationList(Wire):
    """Newest first."""

    evaluations: list[EvaluationInfo]
