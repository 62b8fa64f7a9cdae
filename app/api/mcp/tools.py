"""The tools: what each is called, what it takes and gives, and the service behind it.

Nothing here knows the SDK; `server` turns the registry into what clients see.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from app.api import documents, knowledge
from app.api.mcp.readable import read_answer, read_list, read_search
from app.api.ownership import own_document
from app.api.services import Services
from app.principal import Principal
from app.runs import Event, RunRequest
from app.schemas import (
    Answer,
    AskArguments,
    DocumentPage,
    ListArguments,
    SearchRequest,
    SearchResponse,
    SummarizeArguments,
    Wire,
)

Arguments = TypeVar("Arguments", bound=Wire)
Result = TypeVar("Result", bound=Wire)

Report = Callable[[str], Awaitable[None]]
"""Tells the caller what is being done."""


@dataclass(frozen=True, slots=True)
class Tool(Generic[Arguments, Result]):
    """One entry of the registry. All of them only read, but for the conversation that a question may name."""

    name: str
    title: str
    description: str
    arguments: type[Arguments]
    result: type[Result]
    call: Callable[[Services, Principal, Arguments, Report], Awaitable[Result]]
    read: Callable[[Result], str]
    """The result as text."""


async def search_documents(
    services: Services, caller: Principal, arguments: SearchRequest, _: Report
) -> SearchResponse:
    return await knowledge.search(arguments, services, caller)


async def ask_documents(
    services: Services, caller: Principal, arguments: AskArguments, report: Report
) -> Answer:
    history = () if arguments.thread_id is None else None
    request = RunRequest(**arguments.model_dump(), tenant=caller.tenant, history=history)
    return await _run(services, request, report)


async def summarize_document(
    services: Services, caller: Principal, arguments: SummarizeArguments, report: Report
) -> Answer:
    document_id = await own_document(arguments.document_id, services, caller)
    info = await documents.get_document(document_id, services)
    request = RunRequest(
        question=arguments.focus or "Summarise this document.",
        tenant=caller.tenant,
        collection=info.collection,
        document_ids=[info.document_id],
        agent="summarize",
        history=(),
    )
    return await _run(services, request, report)


async def list_documents(
    services: Services, caller: Principal, arguments: ListArguments, _: Report
) -> DocumentPage:
    return await documents.list_documents(services, caller, **arguments.model_dump())


async def _run(services: Services, request: RunRequest, report: Report) -> Answer:
    """Answer and say what is being done; a run with a `history` stays out of the user's conversations."""
    async with aclosing(services.runner.stream(request, pieces=False)) as events:
        async for event in events:
            if event["type"] == "status":
                await report(_progress(event))
            elif event["type"] == "route":
                await report(f"Working as {event['agent']}")
            elif event["type"] == "final":
                return Answer.model_validate({key: event[key] for key in Answer.model_fields})
    raise AssertionError("a run ended with neither an answer nor an error")


def _progress(event: Event) -> str:
    return (
        f"{event['content']} ({event['done']} of {event['total']})" if "total" in event else event["content"]
    )


TOOLS: dict[str, Tool[Any, Any]] = {
    tool.name: tool
    for tool in (
        Tool(
            name="search_documents",
            title="Search documents",
            description="Find the passages of the user's documents that fit a query, best first, with document, page "
            "and place in the text. Use it to read what the documents say; `ask_documents` answers from them.",
            arguments=SearchRequest,
            result=SearchResponse,
            call=search_documents,
            read=read_search,
        ),
        Tool(
            name="ask_documents",
            title="Ask the documents",
            description="Answer a question from the user's documents alone. Each statement is cited by document, page "
            "and literal quote, and each quote is checked against the stored text (`verified`). When the documents do "
            "not answer it, `refused` is true and `nearest` tells what comes near.",
            arguments=AskArguments,
            result=Answer,
            call=ask_documents,
            read=read_answer,
        ),
        Tool(
            name="summarize_document",
            title="Summarise a document",
            description="Summarise one document from beginning to end, or what it says about one thing, with "
            "citations. Long documents take a while; progress is reported.",
            arguments=SummarizeArguments,
            result=Answer,
            call=summarize_document,
            read=read_answer,
        ),
        Tool(
            name="list_documents",
            title="List documents",
            description="List the user's documents, newest first, with the `document_id` by which other tools and "
            "the resource document://{document_id} know each.",
            arguments=ListArguments,
            result=DocumentPage,
            call=list_documents,
            read=read_list,
        ),
    )
}
