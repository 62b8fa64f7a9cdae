"""`llmops ask` and `llmops search`."""

from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import typer
from pydantic import ValidationError

from app.api.knowledge import search as search_over_rest
from app.api.problems import explain_validation
from app.commands.output import place, printable, read_argument, show_json
from app.commands.remote import RemoteServer
from app.errors import InvalidRequest
from app.principal import LOCAL
from app.runs import RunRequest
from app.schemas import DEFAULT_COLLECTION, Answer, AskRequest, ModeChoice, SearchRequest, SearchResponse
from app.settings import load_settings
from server import open_services

Request = TypeVar("Request", AskRequest, SearchRequest)


def ask(
    question: str,
    about: str | None,
    *,
    agent: str,
    mode: ModeChoice,
    collection: str | None,
    thread_id: str | None,
    document_ids: list[str] | None,
    server: str | None,
    as_json: bool,
) -> None:
    """`about` is a text to ask about in place of the documents; it is forgotten afterwards."""
    request = _valid(
        AskRequest,
        question=question,
        collection=collection,
        thread_id=thread_id,
        agent=agent,
        mode=mode,
        document_ids=document_ids or None,
    )
    if server is not None and about is not None:
        raise InvalidRequest("a text from standard input is asked about on this machine, not on a server")
    if server is not None:
        answer = RemoteServer(server).post("/ask", request.model_dump(), Answer)
    else:
        answer = asyncio.run(_run(request) if about is None else _run_about(about, request))
    if as_json:
        show_json(answer)
    else:
        _show_answer(answer)


def _valid(shape: type[Request], **fields: Any) -> Request:
    """Raises InvalidRequest: what the terminal gave would be refused by every door."""
    try:
        return shape(**fields)
    except ValidationError as error:
        raise InvalidRequest(explain_validation(error.errors())) from None


async def _run(request: AskRequest) -> Answer:
    async with open_services(load_settings()) as services:
        return await services.runner.run(RunRequest(**request.model_dump()))


async def _run_about(text: str, request: AskRequest) -> Answer:
    """Answer from a knowledge base that holds nothing but the text, and is gone afterwards."""
    if not text.strip():
        raise InvalidRequest("standard input: is empty")
    with TemporaryDirectory(prefix="llmops-") as folder:
        place = {"data_dir": Path(folder), "database_url": None}
        async with open_services(load_settings().model_copy(update=place)) as services:
            stored = services.ingestion.ingestor.ingest_bytes(
                text.encode(), "standard input.txt", collection=DEFAULT_COLLECTION
            )
            if stored.error is not None:
                raise InvalidRequest(f"standard input: {stored.error.detail}")
            asked = request.model_copy(update={"collection": None, "thread_id": None, "document_ids": None})
            return await services.runner.run(RunRequest(**asked.model_dump(), history=()))


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
    query: str,
    *,
    k: int,
    collection: str | None,
    document_ids: list[str] | None,
    server: str | None,
    as_json: bool,
) -> None:
    text = read_argument(query)
    if not text.strip():
        raise InvalidRequest("query: must not be empty")
    request = _valid(SearchRequest, query=text, k=k, collection=collection, document_ids=document_ids or None)
    if server is None:
        response = asyncio.run(_search(request))
    else:
        response = RemoteServer(server).post("/search", request.model_dump(), SearchResponse)
    if as_json:
        show_json(response)
        return
    for number, result in enumerate(response.results, start=1):
        typer.echo(f"{number}. {place(result.document_name, result.page)} (score {result.score:.2f})")
        typer.echo(f"   {printable(' '.join(result.text.split()))}")
    if not response.results:
        typer.echo("nothing found")


async def _search(request: SearchRequest) -> SearchResponse:
    async with open_services(load_settings()) as services:
        return await search_over_rest(request, services, LOCAL)
