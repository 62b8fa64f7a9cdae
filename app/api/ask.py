"""Questions over plain REST, and the threads they leave."""

from __future__ import annotations

from fastapi import APIRouter, Request

from app.api.bodies import JsonRoute
from app.api.disconnects import answer_while_connected
from app.api.services import UsesServices
from app.runs import RunRequest
from app.schemas import Answer, AskRequest, Thread

router = APIRouter(tags=["Questions"], route_class=JsonRoute)


@router.post("/ask")
async def ask(body: AskRequest, request: Request, services: UsesServices) -> Answer:
    """Answer a question about the documents, with citations."""
    services.runner.check(run := RunRequest(**body.model_dump()))
    return await answer_while_connected(services.runner, run, request)


@router.get("/threads/{thread_id}")
async def get_thread(thread_id: str, services: UsesServices) -> Thread:
    """The turns of a conversation, oldest first."""
    turns = await services.runner.turns(thread_id)
    return Thread.model_validate({"thread_id": thread_id, "turns": turns})
