"""`llmops ask` and `llmops search`."""

from __future__ import annotations

import asyncio

import typer

from app.api.knowledge import as_response
from app.commands.output import place, printable, read_argument, show_json
from app.errors import InvalidRequest
from app.runs import RunRequest
from app.schemas import DEFAULT_COLLECTION, Answer, ModeChoice, SearchResponse
from app.settings import load_settings
from server import open_services


def ask(
    question: str,
    *,
    agent: str,
    mode: ModeChoice,
    collection: str | None,
    thread_id: str | None,
    document_ids: list[str] | None,
    as_json: bool,
) -> None:
    request = RunRequest(
        question=read_argument(question),
        collection=collection,
        thread_id=thread_id,
        agent=agent,
        mode=mode,
        document_ids=document_ids or None,
    )
    answer = asyncio.run(_run(request))
    if as_json:
        show_json(answer)
    else:
        _show_answer(answer)


async def _run(request: RunRequest) -> Answer:
    async with open_services(load_settings()) as services:
        return await services.runner.run(request)


def _show_answer(answer: Answer) -> None:
    typer.echo(printable(answer.answer))
    typer.echo()
    for citation in answer.citations:
        doubt = "" if citation.verified else " (not verified)"
        where = place(citation.document_name, citation.page)
        typer.echo(f"[{citation.marker}] {where}{doubt}: “{printable(' '.join(citation.quote.split()))}”")
    facts = [f"agent {answer.agent}", f"{answer.mode} mode", f"thread {answer.thread_id}", *answer.degraded]
    typer.echo(f"({', '.join(facts)})")


def search(
    query: str, *, k: int, collection: str | None, document_ids: list[str] | None, as_json: bool
) -> None:
    text = read_argument(query)
    if not text.strip():
        raise InvalidRequest("query: must not be empty")
    response = asyncio.run(_search(text, k, collection or DEFAULT_COLLECTION, document_ids or None))
    if as_json:
        show_json(response)
        return
    for number, result in enumerate(response.results, start=1):
        typer.echo(f"{number}. {place(result.document_name, result.page)} (score {result.score:.2f})")
        typer.echo(f"   {printable(' '.join(result.text.split()))}")
    if not response.results:
        typer.echo("nothing found")


async def _search(query: str, k: int, collection: str, document_ids: list[str] | None) -> SearchResponse:
    async with open_services(load_settings()) as services:
        found = services.knowledge.retriever.search(
            query, k=k, collection=collection, document_ids=document_ids
        )
    return as_response(found)
