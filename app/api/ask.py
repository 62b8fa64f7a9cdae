"""Questions over plain REST."""

from __future__ import annotations

from fastapi import APIRouter, Depends, Request, Response

from app.api.auth import Caller, may_read
from app.api.bodies import JsonRoute
from app.api.disconnects import answer_while_connected
from app.api.openapi import Responses, problem_responses
from app.api.ownership import StoredThreadId
from app.api.services import Services, UsesServices
from app.errors import (
    NothingToResume,
    NoWaitingPlan,
    RunTimeout,
    ThreadBusy,
    UnknownAgent,
    UnknownCollection,
    UnknownDocument,
)
from app.runs import RunRequest
from app.schemas import Answer, AskRequest, Interrupt, Resume, WaitingPlan
from app.telemetry.audit import audit

router = APIRouter(tags=["Questions"], route_class=JsonRoute, dependencies=[Depends(may_read)])

_WAITS: Responses = {
    202: {"model": Interrupt, "description": "With `approve_plan`: the plan waits for approval"}
}
_PROBLEMS = (UnknownAgent, UnknownCollection, UnknownDocument, ThreadBusy, RunTimeout)


@router.post(
    "/ask",
    summary="Ask a question",
    response_model=Answer | Interrupt,
    responses=_WAITS | problem_responses(*_PROBLEMS),
)
async def ask(
    body: AskRequest, request: Request, response: Response, services: UsesServices, caller: Caller
) -> Answer | Interrupt:
    """Answer a question about the documents, with citations."""
    return await _answer(RunRequest(**body.model_dump(), tenant=caller.tenant), request, response, services)


@router.get(
    "/threads/{thread_id}/plan",
    summary="Get the plan that waits",
    responses=problem_responses(NoWaitingPlan),
)
async def get_plan(thread_id: StoredThreadId, services: UsesServices) -> WaitingPlan:
    """What a research with `approve_plan` would go on with."""
    return await services.threads.plan(thread_id)


@router.delete(
    "/threads/{thread_id}/plan",
    status_code=204,
    summary="Discard the plan that waits",
    responses=problem_responses(NoWaitingPlan, ThreadBusy),
)
async def discard_plan(thread_id: StoredThreadId, services: UsesServices) -> Response:
    """Leave a research undone; the thread stays as it was before the question."""
    await services.threads.discard_plan(thread_id)
    audit("discard_plan", "thread", thread_id)
    return Response(status_code=204)


@router.post(
    "/threads/{thread_id}/resume",
    summary="Go on with a research",
    response_model=Answer | Interrupt,
    responses=problem_responses(NothingToResume, *_PROBLEMS),
)
async def resume(
    thread_id: StoredThreadId, body: Resume, request: Request, response: Response, services: UsesServices
) -> Answer | Interrupt:
    """Go on with a research whose plan waits for approval, with the plan as it is or with other sub-questions."""
    run = await services.runner.resumed(thread_id, body)
    return await _answer(run, request, response, services)


async def _answer(
    run: RunRequest, request: Request, response: Response, services: Services
) -> Answer | Interrupt:
    services.runner.check(run)
    outcome = await answer_while_connected(services.runner, run, request)
    if isinstance(outcome, Interrupt):
        response.status_code = 202
    return outcome
