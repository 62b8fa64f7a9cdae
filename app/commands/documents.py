"""Declares the commands that change and list what the knowledge base holds."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands.options import AsJson, Collection, Server, read_collection, read_texts
from app.errors import InvalidRequest

holdings = typer.Typer()


@holdings.command()
def index(
    paths: Annotated[list[Path], typer.Argument(help="Files, or folders with everything in them.")],
    collection: Collection = None,
    server: Server = None,
    as_json: AsJson = False,
) -> None:
    """Add files to the knowledge base."""
    from app.commands.indexing import index as run

    run(paths, collection=collection, server=server, as_json=as_json)


@holdings.command()
def documents(collection: Collection = None, server: Server = None, as_json: AsJson = False) -> None:
    """List the documents."""
    from app.commands.contents import list_documents

    list_documents(collection, server=server, as_json=as_json)


@holdings.command()
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


@holdings.command(name="verify-deletion")
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


@holdings.command()
def stats(server: Server = None, as_json: AsJson = False) -> None:
    """Count what the knowledge base holds."""
    from app.commands.contents import stats as run

    run(server=server, as_json=as_json)


@holdings.command()
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


@holdings.command()
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
