"""What operators ask: is it alive, is it ready, what does it hold and how is it set up."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse

from app import __version__
from app.agents import AGENTS
from app.api.auth import Caller, may_read
from app.api.services import Services, UsesServices
from app.errors import VectorsUnavailable
from app.ingestion.loaders import LOADERS
from app.ingestion.media_types import EXTENSIONS
from app.principal import SCOPES
from app.schemas import AgentInfo, Alive, CallerInfo, Health, Info, Mode, Stats
from app.tenancy import plain_name

router = APIRouter(tags=["Operations"])

_HEALTH: dict[str, Any] = {
    "response_model": Health,
    "responses": {503: {"model": Health, "description": "`unavailable`: `checks` says what is wrong"}},
}


@router.get("/health", summary="Tell whether requests can be served", **_HEALTH)
@router.get("/health/ready", summary="Tell whether requests can be served", **_HEALTH)
async def health(services: UsesServices) -> JSONResponse:
    """Whether requests can be served: 200, or 503 with what is wrong. An answer may be a second old.

    `degraded` is 200, too: the engine for vectors does not answer, and searches go by words alone.
    """
    found = await services.health.get(lambda: services.in_pool(_check, services))
    return JSONResponse(found.model_dump(), status_code=503 if found.status == "unavailable" else 200)


@router.get("/health/live", summary="Tell whether the process is alive")
async def live() -> Alive:
    """Whether the process answers at all; nothing else is looked at."""
    return Alive()


@router.get("/stats", summary="Count what is stored", dependencies=[Depends(may_read)])
async def stats(services: UsesServices, caller: Caller) -> Stats:
    """What the knowledge base holds and which models work on it."""
    counts = await services.in_pool(services.knowledge.store.stats, caller.tenant)
    return Stats(
        documents=counts.documents,
        unfinished=counts.unfinished,
        failed=counts.failed,
        chunks=counts.chunks,
        collections={plain_name(name): count for name, count in counts.collections.items()},
        bytes=counts.bytes,
        embedding_model=services.embedding_model.name,
        chat_model=_chat_model_name(services),
        demo_mode=services.chat_model is None,
    )


@router.get("/info", summary="Describe the service", dependencies=[Depends(may_read)])
async def info(services: UsesServices, caller: Caller) -> Info:
    """Agents, models, limits and what the caller may do, for clients that adapt to them."""
    settings = services.settings
    return Info(
        version=__version__,
        agents=[AgentInfo(name=spec.name, description=spec.description) for spec in AGENTS.values()],
        mode=_mode(services),
        chat_model=_chat_model_name(services),
        embedding_model=services.embedding_model.name,
        limits={
            "max_upload_mb": settings.max_upload_mb,
            "max_question_chars": settings.max_question_chars,
            "max_batch": settings.max_batch,
            "request_timeout_s": settings.request_timeout_s,
        },
        media_types=sorted(LOADERS),
        extensions=sorted(EXTENSIONS),
        caller=CallerInfo(tenant=caller.tenant, scopes=[one for one in SCOPES if one in caller.scopes]),
    )


def _check(services: Services) -> Health:
    """Ask the store, and let the indexes catch up with it when it answers."""
    store = services.knowledge.store
    problem = store.problem()
    if problem is None and store.embedding_model() != services.embedding_model.name:
        problem = "embedded again with another model; restart the server"
    vectors = None
    if problem is None:
        vectors = _check_indexes(services)
    checks = {"store": problem or "ok", "threads": services.threads.memory.damage or "ok"}
    can_answer = set(checks.values()) == {"ok"}
    return Health(
        status="unavailable" if not can_answer else "degraded" if vectors else "ok",
        version=__version__,
        mode=_mode(services),
        checks=checks | {"vectors": vectors or "ok"},
    )


def _check_indexes(services: Services) -> str | None:
    """Catch up, and tell why vectors cannot be searched, if so."""
    services.knowledge.lexical.catch_up()
    problem = services.knowledge.vectors.problem()
    if problem is not None:
        return f"{problem}; searches go by words alone"
    try:
        services.knowledge.vectors.catch_up()
    except VectorsUnavailable as error:
        return f"{error.detail}; searches go by words alone"
    return None


def _mode(services: Services) -> Mode:
    return "demo" if services.chat_model is None else "llm"


def _chat_model_name(services: Services) -> str | None:
    return services.chat_model.name if services.chat_model else None
