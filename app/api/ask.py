"""Questions over plain REST."""

from __future__ import annotations

from fastapi import APIRouter, Request

from app.api.bodies import JsonRoute
from app.api.disconnects import answer_while_connected
from app.api.services import UsesServices
from app.runs import RunRequest
from app.schemas import Answer, AskRequest

router = APIRouter(tags=["Questions"], route_class=JsonRoute)


@router.post("/ask")
async def ask(body: AskRequest, request: Request, services: UsesServices) -> Answer:
    """Answer a question about the documents, with citations."""
    services.runner.check(run := RunRequest(**body.model_dump()))
    return await answer_while_connected(services.runner, run, request)
