"""The `llmops` command. Only declarations stand here: `llmops --help` loads no model, no store and no server."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from app.commands.keys import keys
from app.commands.options import (
    AsJson,
    Collection,
    Documents,
    Host,
    Port,
    Server,
    list_agents,
    read_collection,
    read_texts,
)
from app.commands.tenants import tenants
from app.commands.threads import threads
from app.errors import InvalidRequest, LlmopsError

app = typer.Typer(
    name="llmops",
    help="Chat with your own documents. Every command reads the same settings; see docs/configuration.md.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
app.add_typer(threads, name="threads")
app.add_typer(keys, name="keys")
app.add_typer(tenants, name="tenants")


@app.command()
def serve(
    host: Host = None,
    port: Port = None,
    workers: Annotated[int, typer.Option(min=1, help="Processes that share the port.")] = 1,
) -> None:
    """Serve the API."""
    from app.commands.serving import serve as run

    run(host, port, workers)


@app.command()
def worker(
    metrics_port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Serve metrics for Prometheus at this port.")
    ] = None,
    metrics_host: Annotated[str, typer.Option(help="Address to serve metrics on.")] = "127.0.0.1",
) -> None:
    """Read documents and answer questions of batches; any number of workers share a knowledge base."""
    from app.commands.working import work as run

    run(metrics_host, metrics_port)


@app.command()
def mcp(
    server: Server = None,
) -> None:
    """Serve the documents to an MCP client that starts this command, over standard input and output."""
    from app.commands.mcp_stdio import serve as run

    run(server)


@app.command()
def ui(
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="Port to listen on.")] = 8501,
    api: Annotated[str, typer.Option(help="Address of the API.")] = "http://127.0.0.1:8000",
) -> None:
    """Serve the user interface for browsers."""
    from app.commands.browsing import run_ui

    run_ui(host, port, api)


@app.command()
def index(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with everything in them.")],
    collection: Collection = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Add files to the knowledge base."""
    from app.commands.indexing import index as run

    run(paths, collection=collection, server=server, as_json=as_json)


@app.command()
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


@app.command()
def batch(
    file: Annotated[Path, typer.Argument(help="Questions, as .csv with a column `question` or as .jsonl.")],
    out: Annotated[Path | None, typer.Option(help="Where the answers go, .csv or .jsonl.")] = None,
    as_json: AsJson = False,
) -> None:
    """Answer a file of questions; without --out the answers are printed as JSON Lines."""
    from app.commands.batching import batch as run

    run(file, out, as_json=as_json)


@app.command()
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


@app.command()
def documents(collection: Collection = None, server: Server = None, as_json: AsJson = False) -> None:
    """List the documents."""
    from app.commands.contents import list_documents

    list_documents(collection, server=server, as_json=as_json)


@app.command()
def delete(
    document_id: Annotated[
        str, typer.Argument(metavar="ID", callback=read_texts, help="ID of the document.")
    ],
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Forget a document: its text, vectors and file."""
    from app.commands.contents import delete as run

    run(document_id, server=server, as_json=as_json)


@app.command(name="verify-deletion")
def verify_deletion(
    document_id: Annotated[str, typer.Argument(metavar="ID", help="ID that the document had.")],
    text: Annotated[
        Path | None, typer.Option(help="A copy of its text (UTF-8), to look for it in the raw files.")
    ] = None,
    purge: Annotated[
        bool,
        typer.Option("--purge", help="Remove snapshots of indexes that are older than the last deletion."),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Prove that nothing is left of a deleted document."""
    from app.commands.proving import verify_deletion as run

    run(document_id, text=text, purge=purge, as_json=as_json)


@app.command()
def stats(server: Server = None, as_json: AsJson = False) -> None:
    """Count what the knowledge base holds."""
    from app.commands.contents import stats as run

    run(server=server, as_json=as_json)


@app.command()
def clear(
    yes: Annotated[bool, typer.Option("--yes", help="Confirm.")] = False,
    collection: Annotated[
        str | None, typer.Option(callback=read_collection, help="Only this collection; otherwise everything.")
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Forget every document."""
    from app.commands.contents import clear as run

    run(collection, confirmed=yes, server=server, as_json=as_json)


@app.command()
def reindex(
    document_ids: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[ID]...",
            callback=read_texts,
            help="Read these documents again, from their originals.",
        ),
    ] = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Embed everything again with the embedding model that is configured now, or read single documents again."""
    if document_ids:
        from app.commands.rereading import read_again

        read_again(document_ids, server=server, as_json=as_json)
        return
    if server is not None:
        raise InvalidRequest(
            "--server needs IDs of documents; everything is embedded again where the data is"
        )
    from app.commands.reindexing import reindex as run

    run(as_json=as_json)


@app.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write documents, originals and conversations into one file; servers may go on running."""
    from app.commands.backing_up import backup as run

    run(file, replace=force, as_json=as_json)


@app.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `llmops backup` has written.")],
    force: Annotated[bool, typer.Option("--force", help="Move the present data directory aside.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup into an empty data directory, after checking all of it."""
    from app.commands.backing_up import restore as run

    run(file, replace=force, as_json=as_json)


@app.command()
def doctor(server: Server = None, as_json: AsJson = False) -> None:
    """Look at everything an installation needs, or at how a running API is."""
    from app.commands.doctor import examine

    examine(server=server, as_json=as_json)


@app.command(name="eval")
def evaluate(
    quick: Annotated[bool, typer.Option("--quick", help="Smaller sets, in under two minutes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure the quality of retrieval and answers."""
    from app.commands.evaluating import evaluate as run

    run(quick=quick, as_json=as_json)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run a command; an error of ours is one line and exit code 1, a wrong call is exit code 2."""
    arguments = sys.argv[1:] if arguments is None else arguments
    # What a command prints says what happened; only the server keeps logs.
    logging.getLogger("llmops").addHandler(logging.NullHandler())
    try:
        app(args=list(arguments))
    except LlmopsError as error:
        line = " ".join(error.detail.split())
        typer.echo(f"error: {line}", err=True)
        if "--json" in arguments:
            typer.echo(json.dumps({"error": {"code": error.code, "detail": line}}, ensure_ascii=False))
        sys.exit(1)


if __name__ == "__main__":
    main()
