"""Declares `llmops threads`; what its commands do is in `app.commands.conversing`."""

from __future__ import annotations

from typing import Annotated

import typer

from app.commands.options import AsJson, read_texts

threads = typer.Typer(
    help="Look through conversations, rename, export and delete them.", no_args_is_help=True
)

Thread = Annotated[str, typer.Argument(metavar="ID", callback=read_texts, help="ID of the conversation.")]


@threads.command(name="list")
def list_threads(
    query: Annotated[
        str | None, typer.Option(callback=read_texts, help="Only with this in the title.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """List the conversations, the last used first."""
    from app.commands.conversing import list_threads as run

    run(query, as_json=as_json)


@threads.command(name="export")
def export_thread(thread_id: Thread, as_json: AsJson = False) -> None:
    """Print a conversation with its sources, as Markdown or JSON."""
    from app.commands.conversing import export as run

    run(thread_id, as_json=as_json)


@threads.command(name="rename")
def rename_thread(
    thread_id: Thread,
    title: Annotated[str, typer.Argument(callback=read_texts, help="The new title.")],
    as_json: AsJson = False,
) -> None:
    """Give a conversation another title."""
    from app.commands.conversing import rename as run

    run(thread_id, title, as_json=as_json)


@threads.command(name="delete")
def delete_thread(thread_id: Thread, as_json: AsJson = False) -> None:
    """Forget a conversation for good."""
    from app.commands.conversing import delete as run

    run(thread_id, as_json=as_json)
