"""What readers say of answers."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from app.api.auth import Caller, may_read
from app.api.bodies import JsonRoute
from app.api.openapi import problem_responses
from app.api.services import UsesServices
from app.errors import UnknownRun
from app.schemas import Feedback, FeedbackRequest
from app.telemetry.audit import audit

router = APIRouter(
    prefix="/feedback", tags=["Threads"], route_class=JsonRoute, dependencies=[Depends(may_read)]
)


@router.post("", summary="Say what an answer was worth", responses=problem_responses(UnknownRun))
async def give_feedback(body: FeedbackRequest, services: UsesServices, caller: Caller) -> Feedback:
    """Keep a score and perhaps a comment with an answer on a thread, in place of what was said of it before.

    They are shown with the turn, and go with its thread.
    """
    kept = await services.threads.give_feedback(body, tenant=caller.tenant)
    audit("give_feedback", "run", kept.run_id)
    return kept


@router.delete(
    "/{run_id}",
    status_code=204,
    summary="Take back what was said of an answer",
    responses=problem_responses(UnknownRun),
)
async def withdraw_feedback(
    run_id: Annotated[str, Path(description="`run_id` of an Answer")], services: UsesServices, caller: Caller
) -> Response:
    """Forget the score and the comment; the answer stays."""
    await services.threads.withdraw_feedback(run_id, tenant=caller.tenant)
    audit("withdraw_feedback", "run", run_id)
    return Response(status_code=204)
