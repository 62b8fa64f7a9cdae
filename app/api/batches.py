"""Many questions in one request, answered in the background."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import StreamingResponse

from app.api.auth import Caller, may_read
from app.api.batch_input import CSV, JSON, JSON_LINES, read_batch
from app.api.batch_output import as_csv, as_json_lines
from app.api.downloads import attachment
from app.api.jobs import finished
from app.api.openapi import Responses, problem_responses, reference
from app.api.ownership import JobId
from app.api.problems import as_problem
from app.api.services import Services, UsesServices
from app.errors import BodyTooLarge, UnknownJob
from app.schemas import (
    Answer,
    BatchAccepted,
    BatchAnswers,
    BatchRequest,
    BatchResult,
    BatchResults,
    Problem,
    ProblemInfo,
)
from app.telemetry.audit import audit

router = APIRouter(tags=["Questions"], dependencies=[Depends(may_read)])

_CANCELLED = ProblemInfo(code="cancelled", detail="The batch was cancelled before this question was answered")
_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            JSON: {"schema": reference(BatchRequest)},
            JSON_LINES: {
                "schema": {"type": "string"},
                "example": '{"question": "What is the notice period?"}',
            },
            CSV: {"schema": {"type": "string"}, "example": "question,agent\nWhat is the notice period?,qa"},
        },
    }
}
_FINISHED: Responses = {
    200: {"model": BatchAnswers, "description": "With `wait=true`: every question is answered or refused"}
}
_FILE: Responses = {200: {"content": {JSON_LINES: {}, CSV: {}}}}


@router.post(
    "/ask/batch",
    summary="Ask many questions",
    status_code=202,
    response_model=BatchAccepted | BatchAnswers,
    responses=_FINISHED | problem_responses(BodyTooLarge),
    openapi_extra=_BODY,
)
async def ask_batch(
    request: Request,
    services: UsesServices,
    caller: Caller,
    response: Response,
    wait: Annotated[bool, Query(description="Answer when every question is answered")] = False,
) -> BatchAccepted | BatchAnswers:
    """Answer many questions by a job that survives a restart; a bad one keeps no other from its answer."""
    body, media_type = await request.body(), request.headers.get("content-type", JSON)
    items = await services.in_pool(
        read_batch,
        body,
        media_type.partition(";")[0].strip().lower(),
        services.runner,
        tenant=caller.tenant,
        max_questions=services.settings.max_batch_questions,
    )
    job_id = await services.in_pool(services.batches.open, items, tenant=caller.tenant)
    services.batch_worker.expect(job_id)
    audit("ask", "job", job_id, questions=len(items))
    if not wait:
        return BatchAccepted(job_id=job_id)
    await finished(await services.in_pool(services.ingestion.jobs.get, job_id), services)
    response.status_code = 200
    return BatchAnswers(
        job_id=job_id, answers=[_outcome(result) for result in await _results(services, job_id)]
    )


@router.get(
    "/jobs/{job_id}/results",
    summary="Get the answers of a batch",
    response_model=BatchResults,
    responses=_FILE | problem_responses(UnknownJob),
)
async def batch_results(
    job_id: JobId,
    services: UsesServices,
    format: Annotated[Literal["json", "jsonl", "csv"], Query()] = "json",  # noqa: A002  # the name on the wire
) -> Response | BatchResults:
    """The questions of a batch with their answers, as far as there are any."""
    if format == "json":
        return BatchResults(job_id=job_id, results=await _results(services, job_id))
    results = services.batches.results(job_id)
    lines, media_type = (as_csv(results), CSV) if format == "csv" else (as_json_lines(results), JSON_LINES)
    headers = {"content-disposition": attachment(f"answers-{job_id}.{format}")}
    return StreamingResponse(lines, media_type=media_type, headers=headers)


async def _results(services: Services, job_id: str) -> list[BatchResult]:
    return await services.in_pool(lambda: list(services.batches.results(job_id)))


def _outcome(result: BatchResult) -> Answer | Problem:
    return result.answer or as_problem(result.problem or _CANCELLED)
