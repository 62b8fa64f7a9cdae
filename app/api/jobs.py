"""Jobs in the background: how far they are, as a stream or at a glance, and how to stop them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from hashlib import blake2b
from typing import Annotated

from fastapi import APIRouter, Depends, Header, Query, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from app.api.auth import Caller, may_read, require_scope
from app.api.openapi import Responses, problem_responses
from app.api.ownership import JobId
from app.api.services import Services, UsesServices
from app.errors import Forbidden, UnknownJob
from app.principal import Principal
from app.schemas import JobInfo, JobList
from app.telemetry.audit import audit

router = APIRouter(prefix="/jobs", tags=["Jobs"], dependencies=[Depends(may_read)])

_UNKNOWN = problem_responses(UnknownJob)
_CHANGED = problem_responses(UnknownJob, Forbidden)
_SEEN_ALL: Responses = {
    204: {"description": "With `Last-Event-ID`: the job is finished, and that was its end"}
}
_UNFINISHED = ("queued", "running")
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.02, 0.5


@router.get("", summary="List jobs, newest first", responses=problem_responses())
async def list_jobs(
    services: UsesServices, caller: Caller, limit: Annotated[int, Query(ge=1, le=100)] = 20
) -> JobList:
    """The newest jobs, newest first."""
    return JobList(jobs=await services.in_pool(services.ingestion.jobs.recent, limit, tenant=caller.tenant))


@router.get("/{job_id}", summary="Get a job", responses=_UNKNOWN)
async def get_job(job_id: JobId, services: UsesServices) -> JobInfo:
    """How far a job is, with each of its documents; `/jobs/{job_id}/results` has the answers of a batch."""
    return await services.in_pool(services.ingestion.jobs.get, job_id)


@router.get(
    "/{job_id}/events",
    summary="Follow a job",
    response_class=EventSourceResponse,
    responses=_UNKNOWN | _SEEN_ALL,
)
async def job_events(
    job_id: JobId,
    services: UsesServices,
    last_event_id: Annotated[
        str | None, Header(description="Of the last event that came before a break")
    ] = None,
) -> Response:
    """Server-sent events named `job`, each a whole JobInfo: one at once, one at each change, the last at the end.

    A client that comes back with the id of its last event gets that one not again.
    """
    first = await get_job(job_id, services)  # an unknown job is a 404, not a stream that breaks off
    if last_event_id == _event_id(first) and first.state not in _UNFINISHED:
        return Response(status_code=204)  # what tells an EventSource to come no more

    async def events() -> AsyncIterator[ServerSentEvent]:
        async for job in follow(first, services):
            if (number := _event_id(job)) != last_event_id:
                yield ServerSentEvent(job.model_dump_json(), event="job", id=number)

    return EventSourceResponse(events())


@router.delete("/{job_id}", summary="Cancel a job", responses=_CHANGED)
async def cancel_job(job_id: JobId, services: UsesServices, caller: Caller) -> JobInfo:
    """Stop a job: what is not done yet is `cancelled`, documents only when no other job wants them as well."""
    await _check_scope(job_id, services, caller)
    job = await services.in_pool(_cancel, services, job_id)
    await services.batch_worker.check_claims()
    audit("cancel", "job", job_id)
    return job


@router.post("/{job_id}/resume", summary="Go on with a job", responses=_CHANGED)
async def resume_job(job_id: JobId, services: UsesServices, caller: Caller) -> JobInfo:
    """Go on with the documents or questions of a job that failed or were cancelled, from where they were left."""
    await _check_scope(job_id, services, caller)
    job = await services.in_pool(_resume, services, job_id)
    services.batch_worker.wake()
    audit("resume", "job", job_id)
    return job


async def follow(job: JobInfo, services: Services) -> AsyncIterator[JobInfo]:
    """The job as it stands, then again whenever anything of it has changed, until it is finished.

    The store is asked again and again, since the work may be done in another process.
    """
    jobs, pause = services.ingestion.jobs, _FIRST_PAUSE_S
    yield job
    while job.state in _UNFINISHED:
        await asyncio.sleep(pause)
        pause = min(2 * pause, _LONGEST_PAUSE_S)
        seen, job = job, await services.in_pool(jobs.get, job.job_id)
        if _event_id(job) != _event_id(seen):
            pause = _FIRST_PAUSE_S
            yield job


async def finished(job: JobInfo, services: Services) -> JobInfo:
    """The job when there is nothing left to do of it."""
    last = job
    async for last in follow(job, services):  # noqa: B007  # only the last one is wanted
        pass
    return last


def _event_id(job: JobInfo) -> str:
    """The same in each process as long as nothing of the job has changed but the guess of when it ends."""
    return blake2b(job.model_dump_json(exclude={"eta_s"}).encode(), digest_size=12).hexdigest()


async def _check_scope(job_id: str, services: Services, caller: Principal) -> None:
    """Who may ask may stop asking; documents on their way are those of who writes. Raises Forbidden."""
    job = await services.in_pool(services.ingestion.jobs.get, job_id)
    if job.progress.unit != "questions":
        require_scope(caller, "write")


def _cancel(services: Services, job_id: str) -> JobInfo:
    ingestion = services.ingestion
    ingestion.queue.cancel(ingestion.jobs.cancel(job_id))
    ingestion.reindexing.cancel(job_id)
    services.batches.cancel(job_id)
    ingestion.worker.check_claims()
    return ingestion.jobs.get(job_id)


def _resume(services: Services, job_id: str) -> JobInfo:
    ingestion = services.ingestion
    document_ids = ingestion.jobs.resume(job_id)
    ingestion.reindexing.resume(job_id)
    ingestion.queue.resume(document_ids)
    services.batches.resume(job_id)
    ingestion.worker.wake()
    return ingestion.jobs.get(job_id)
