"""LangServe in front of the runner; it is imported here and in the runnables only.

The graph itself is never handed to `add_routes`: that would drop `thread_id` and break every stream
(docs/adr/0001-langserve-and-langchain-community.md).
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Request
from langserve import add_routes

from app.agents import AGENTS
from app.api.auth import may_read
from app.api.langserve_runnables import AgentRunnable, ChatRunnable, keep_caller
from app.api.openapi import problem_responses
from app.api.request_checks import LangServeRoute, check_agent_request, check_chat_request
from app.errors import (
    NothingToResume,
    RunTimeout,
    ThreadBusy,
    UnknownAgent,
    UnknownCollection,
    UnknownDocument,
)
from app.runs import Runner
from app.schemas import AgentChoice

_OPTIONS: dict[str, Any] = {
    "per_req_config_modifier": keep_caller,
    "disabled_endpoints": ("token_feedback",),  # it belongs to LangSmith
}
_ERRORS = problem_responses(
    UnknownAgent, UnknownCollection, UnknownDocument, ThreadBusy, NothingToResume, RunTimeout
)


def add_langserve_routes(app: FastAPI, get_runner: Callable[[], Runner]) -> None:
    """Register `/agent`, one route per agent, and `/chat`, each with its playground."""
    agents: dict[str, AgentChoice] = {"agent": "auto", **{name: name for name in AGENTS}}
    for path, agent in agents.items():
        router = _router(path, check_agent_request)
        add_routes(router, AgentRunnable(agent, get_runner), **_OPTIONS)
        app.include_router(router)
    router = _router("chat", check_chat_request)
    add_routes(router, ChatRunnable(get_runner), playground_type="chat", **_OPTIONS)
    app.include_router(router)


def _router(path: str, check: Callable[[Request], Awaitable[None]]) -> APIRouter:
    # The router's own prefix: with `include_router(prefix=…)` the playground would not find its assets.
    return APIRouter(
        prefix=f"/{path}",
        tags=["LangServe"],
        dependencies=[Depends(may_read), Depends(check)],
        route_class=LangServeRoute,
        responses=_ERRORS,
    )
