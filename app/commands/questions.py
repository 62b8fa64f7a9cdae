"""Declares the commands that ask: one question, a file of them, a search."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands.options import AsJson, Collection, Documents, Server, list_agents, read_texts
from app.errors import InvalidRequest

questions = typer.Typer()


@questions.command()
def ask(
    question: Annotated[
        str, typer.Argument(callback=read_texts, help="The question; - reads it from standard input.")
    ],
    text_question: Annotated[
        str | None,
        typer.Argument(
            metavar="[QUESTION]",
            callback=read_texts,
            help="After -: a question about the text on standard input.",
        ),
    ] = None,
    agent: Annotated[
        str,
        typer.Option(
            callback=read_texts, autocompletion=list_agents, help="auto, qa, research or summarize."
        ),
    ] = "auto",
    demo: Annotated[bool, typer.Option("--demo", help="Answer without the chat model.")] = False,
    collection: Collection = None,
    thread: Annotated[
        str | None, typer.Option(callback=read_texts, help="Continue this conversation.")
    ] = None,
    document: Documents = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Answer a question from the documents, or about the text on standard input, with the places it stands on."""
    from app.commands.asking import ask as run
    from app.commands.output import read_argument

    if text_question is not None and question != "-":
        raise InvalidRequest("a second question needs - before it, and a text on standard input")
    said = read_argument(question)
    run(
        said if text_question is None else text_question,
        None if text_question is None else said,
        agent=agent,
        mode="demo" if demo else "auto",
        collection=collection,
        thread_id=thread,
        document_ids=document,
        server=server,
        as_json=as_json,
    )


@questions.command()
def batch(
    file: Annotated[Path, typer.Argument(help="Questions, as .csv with a column `question` or as .jsonl.")],
    out: Annotated[Path | None, typer.Option(help="Where the answers go, .csv or .jsonl.")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer a file of questions; without --out the answers are printed as JSON Lines."""
    from app.commands.batching import batch as run

    run(file, out, as_json=as_json)


@questions.command()
def search(
    query: Annotated[
        str, typer.Argument(callback=read_texts, help="What to look for; - reads it from standard input.")
    ],
    k: Annotated[int, typer.Option("-k", min=1, max=100, help="How many passages.")] = 6,
    collection: Collection = None,
    document: Documents = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Find the passages that fit a query, best first."""
    from app.commands.asking import search as run

    run(query, k=k, collection=collection, document_ids=document, server=server, as_json=as_json)
