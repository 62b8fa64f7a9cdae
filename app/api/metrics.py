"""`/metrics`: what is counted, and what can be seen of the store and the indexes at this moment."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from fastapi import APIRouter, Depends, Response

from app import __version__
from app.api.auth import Caller, may_administer
from app.api.openapi import METRICS, problem_responses
from app.api.services import Services, UsesServices
from app.errors import Forbidden, NotFound, StorageUnavailable, VectorsUnavailable
from app.knowledge.census import Census
from app.telemetry.exposition import MEDIA_TYPE, Metric, expose, gauge

router = APIRouter(tags=["Operations"])


@router.get(
    "/metrics",
    summary="Get metrics for Prometheus",
    response_class=Response,
    responses=METRICS | problem_responses(Forbidden),
    dependencies=[Depends(may_administer)],
)
async def metrics(services: UsesServices, caller: Caller) -> Response:
    """Counters, timings and gauges in Prometheus' text format; nothing of what documents or questions say.

    They are of the service as a whole, so it is `admin` of the tenant `default` who may see them.
    """
    if not caller.is_operator:
        raise Forbidden(f"{caller.name!r} does not administer the service")
    if not services.settings.metrics:
        raise NotFound("LLMOPS_METRICS is false")
    text = await services.in_pool(expose, lambda: _state(services))
    return Response(text, headers={"content-type": MEDIA_TYPE})


def _state(services: Services) -> Iterable[Metric]:
    yield gauge("info", "What is running", [((__version__, _mode(services)), 1)], "version", "mode")
    try:
        census = services.knowledge.store.census()
    except StorageUnavailable:
        yield gauge("store_up", "Whether the database answers", [((), 0)])
        return
    yield gauge("store_up", "Whether the database answers", [((), 1)])
    yield from _of_store(census)
    yield from _of_indexes(census, services)


def _mode(services: Services) -> str:
    return "demo" if services.chat_model is None else "llm"


def _of_store(census: Census) -> Iterable[Metric]:
    statuses = [((status,), count) for status, count in census.documents.items()]
    yield gauge("documents", "Documents by their status", statuses, "status")
    yield gauge("chunks", "Chunks of all documents", [((), census.chunks)])
    yield gauge("originals_bytes", "Size of all documents as they came", [((), census.bytes)])
    waiting = {"documents": census.waiting_documents, "questions": census.waiting_questions}
    lengths = [((queue,), waited.count) for queue, waited in waiting.items()]
    ages = [((queue,), waited.oldest_s) for queue, waited in waiting.items()]
    yield gauge("queue_length", "What is unfinished", lengths, "queue")
    yield gauge("queue_oldest_seconds", "Since the oldest that is unfinished came in", ages, "queue")


def _of_indexes(census: Census, services: Services) -> Iterable[Metric]:
    indexes = {"words": services.knowledge.lexical.state()}
    with suppress(VectorsUnavailable):  # `degraded` counts the answers that go without
        indexes["vectors"] = services.knowledge.vectors.state()
    sizes = [((name,), index.chunks) for name, index in indexes.items()]
    lags = [((name,), max(0, census.position.change - index.seen.change)) for name, index in indexes.items()]
    yield gauge("index_chunks", "Chunks that an index of this process holds", sizes, "index")
    yield gauge("index_lag_changes", "Changes of the store that it has not seen yet", lags, "index")
