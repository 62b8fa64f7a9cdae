"""What `make eval` has measured of this installation, to look at."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query

from app.api.auth import may_read
from app.api.openapi import problem_responses
from app.api.services import UsesServices
from app.errors import UnknownEvaluation
from app.schemas import Evaluation, EvaluationList

router = APIRouter(prefix="/evaluations", tags=["Operations"], dependencies=[Depends(may_read)])

EvaluationName = Annotated[str, Path(description="`name` of an EvaluationInfo")]


@router.get("", summary="List evaluations, newest first", responses=problem_responses())
async def list_evaluations(
    services: UsesServices, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> EvaluationList:
    """The newest runs of `make eval` or `llmops eval` that were made with this server's data directory."""
    return EvaluationList(evaluations=await services.in_pool(services.evaluations.recent, limit))


@router.get("/{evaluation}", summary="Get an evaluation", responses=problem_responses(UnknownEvaluation))
async def get_evaluation(evaluation: EvaluationName, services: UsesServices) -> Evaluation:
    """What one run has measured: its figures with their thresholds, and what its plots are drawn from."""
    return await services.in_pool(services.evaluations.get, evaluation)
