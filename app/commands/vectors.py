"""Declares `llmops vectors`; what it does is in `app.commands.syncing`."""

from __future__ import annotations

import typer

from app.commands.options import AsJson

vectors = typer.Typer(help="The engine that searches vectors, FAISS or Milvus.", no_args_is_help=True)


@vectors.callback()
def _group() -> None:
    """A group of one command needs a callback, or Typer would make it the command."""


@vectors.command()
def sync(as_json: AsJson = False) -> None:
    """Fill the configured engine from the database, and verify what it holds."""
    from app.commands.syncing import sync as run

    run(as_json=as_json)
