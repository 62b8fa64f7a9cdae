"""OpenAI's API over the same agents, for the many clients that speak it: `/v1/models` and `/v1/chat/completions`."""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from logging import getLogger

from fastapi import APIRouter, Depends, Request
from sse_starlette import EventSourceResponse, ServerSentEvent

from app import __version__
from app.api.auth import Caller, may_read
from app.api.completion_input import MODELS, agent_of, as_run
from app.api.completion_stream import CompletionChunks, completion_id, facts_of, usage_of
from app.api.disconnects import answer_while_connected
from app.api.openai_errors import OpenAIRoute, as_openai, openai_responses
from app.api.openapi import Responses, events_of
from app.api.readable_events import with_sources
from app.api.services import UsesServices
from app.errors import (
    LlmopsError,
    RunTimeout,
    ThreadBusy,
    UnknownCollection,
    UnknownDocument,
    UnknownModel,
)
from app.runs import Runner, RunRequest
from app.schemas import Answer
from app.schemas.completions import (
    AssistantMessage,
    Choice,
    Completion,
    CompletionChunk,
    CompletionRequest,
    ModelEntry,
    ModelList,
)

log = getLogger("llmops.api")

router = APIRouter(prefix="/v1", tags=["OpenAI"], route_class=OpenAIRoute, dependencies=[Depends(may_read)])

_END = "[DONE]"
_STARTED = int(time.time())
_STREAM: Responses = {
    200: {"content": {"text/event-stream": {"schema": events_of(CompletionChunk, end=_END)}}}
}
_ERRORS = openai_responses(UnknownModel, UnknownCollection, UnknownDocument, ThreadBusy, RunTimeout)


@router.get("/models", summary="List the agents as models", response_model=ModelList)
async def list_models() -> ModelList:
    """The agents, as models."""
    return ModelList(data=[_entry(name) for name in MODELS])


@router.get(
    "/models/{model}",
    summary="Get an agent as a model",
    response_model=ModelEntry,
    responses=openai_responses(UnknownModel),
)
async def get_model(model: str) -> ModelEntry:
    """One of the agents, as a model."""
    agent_of(model)
    return _entry(model)


@router.post(
    "/chat/completions",
    summary="Answer a chat as OpenAI's API does",
    response_model=Completion,
    responses=_STREAM | _ERRORS,
)
async def complete_chat(
    body: CompletionRequest, request: Request, services: UsesServices, caller: Caller
) -> Completion | EventSourceResponse:
    """Answer the last message from the documents, with citations on the message and as footnotes in its text."""
    run = as_run(body, tenant=caller.tenant)
    services.runner.check(run)
    if body.stream:
        with_usage = body.stream_options is not None and body.stream_options.include_usage
        chunks = CompletionChunks(run.run_id, body.model, with_usage=with_usage)
        return EventSourceResponse(_events(services.runner, run, chunks))
    answer = await answer_while_connected(services.runner, run, request)
    assert isinstance(answer, Answer)  # noqa: S101  # nothing asks for approval here
    message = AssistantMessage(content=with_sources(answer), citations=answer.citations)
    return Completion(
        id=completion_id(answer.run_id),
        created=int(time.time()),
        model=body.model,
        choices=[Choice(message=message)],
        usage=usage_of(answer),
        llmops=facts_of(answer),
    )


async def _events(
    runner: Runner, run: RunRequest, chunks: CompletionChunks
) -> AsyncIterator[ServerSentEvent]:
    """What goes wrong is an event as well, for the status has been sent already."""
    try:
        async with aclosing(runner.stream(run)) as events:
            async for event in events:
                for chunk in chunks.of(event):
                    yield ServerSentEvent(json.dumps(chunk, ensure_ascii=False))
    except LlmopsError as error:
        yield ServerSentEvent(as_openai(error).model_dump_json())
    except Exception:
        log.exception("unhandled_exception", extra={"agent": run.agent})
        yield ServerSentEvent(as_openai(LlmopsError("The server failed on this question")).model_dump_json())
    else:
        yield ServerSentEvent(_END)


def _entry(name: str) -> ModelEntry:
    return ModelEntry(id=name, created=_STARTED, owned_by=f"end-to-end-llmops {__version__}")
