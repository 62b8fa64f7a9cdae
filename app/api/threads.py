"""Conversations: list, read, rename, fork, export, delete."""

from __future__ import annotations

from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Response

from app.api.auth import Caller, may_read
from app.api.bodies import JsonRoute
from app.api.documents import Offset
from app.api.downloads import attachment
from app.api.openapi import Responses, problem_responses
from app.api.ownership import StoredThreadId
from app.api.services import UsesServices
from app.api.thread_export import as_markdown
from app.errors import ThreadBusy, UnknownThread
from app.schemas import ForkRequest, RenameRequest, Thread, ThreadInfo, ThreadPage
from app.telemetry.audit import audit

router = APIRouter(
    prefix="/threads", tags=["Threads"], route_class=JsonRoute, dependencies=[Depends(may_read)]
)

MOST_TURNS = 1_000_000
EXPORTED: Responses = {200: {"content": {"text/markdown": {}, "application/json": {}}}}


@router.get("", summary="List conversations, the last used first", responses=problem_responses())
async def list_threads(
    services: UsesServices,
    caller: Caller,
    q: Annotated[str | None, Query(max_length=200, description="Part of the title")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
    offset: Offset = 0,
) -> ThreadPage:
    """All conversations, or those with this in their title."""
    return await services.threads.page(tenant=caller.tenant, query=q, limit=limit, offset=offset)


@router.get("/{thread_id}", summary="Get a conversation", responses=problem_responses(UnknownThread))
async def get_thread(
    thread_id: StoredThreadId,
    services: UsesServices,
    last: Annotated[int | None, Query(ge=1, le=MOST_TURNS, description="Only so many, the newest")] = None,
) -> Thread:
    """The turns of a conversation, oldest first; all of them, unless `last` says otherwise."""
    return await services.threads.get(thread_id, last=last)


@router.patch("/{thread_id}", summary="Rename a conversation", responses=problem_responses(UnknownThread))
async def rename_thread(thread_id: StoredThreadId, body: RenameRequest, services: UsesServices) -> ThreadInfo:
    """Give a conversation another title, which stays."""
    renamed = await services.threads.rename(thread_id, body.title)
    audit("rename", "thread", thread_id)
    return renamed


@router.delete(
    "/{thread_id}",
    status_code=204,
    summary="Delete a conversation",
    responses=problem_responses(UnknownThread, ThreadBusy),
)
async def delete_thread(thread_id: StoredThreadId, services: UsesServices) -> Response:
    """Forget a conversation for good; not while a question is being answered on it."""
    await services.threads.delete(thread_id)
    audit("delete", "thread", thread_id)
    return Response(status_code=204)


@router.post(
    "/{thread_id}/fork",
    status_code=201,
    summary="Fork a conversation",
    responses=problem_responses(UnknownThread),
)
async def fork_thread(thread_id: StoredThreadId, body: ForkRequest, services: UsesServices) -> ThreadInfo:
    """Begin a new conversation with the first turns of this one, which stays as it is.

    Its title is that of this one with `(fork)` behind it, or `(fork 2)` and so on.
    """
    fork = await services.threads.fork(thread_id, after_turn=body.after_turn)
    audit("fork", "thread", thread_id, fork=fork.thread_id)
    return fork


@router.get(
    "/{thread_id}/export",
    summary="Export a conversation",
    response_class=Response,
    responses=EXPORTED | problem_responses(UnknownThread),
)
async def export_thread(
    thread_id: StoredThreadId,
    services: UsesServices,
    format: Annotated[Literal["md", "json"], Query()] = "md",  # noqa: A002  # the name on the wire
) -> Response:
    """A conversation with its sources as a file: Markdown for people, JSON with everything."""
    thread = await services.threads.get(thread_id)
    headers = {"content-disposition": attachment(f"{thread.title}.{format}")}
    if format == "json":
        return Response(thread.model_dump_json(indent=2), media_type="application/json", headers=headers)
    return Response(as_markdown(thread), media_type="text/markdown", headers=headers)
