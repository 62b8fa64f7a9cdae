"""Declares the commands that look after an installation as a whole."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands.options import AsJson, Server

installation = typer.Typer()


@installation.command()
def backup(
    file: Annotated[Path, typer.Argument(help="The file to write.")],
    force: Annotated[bool, typer.Option("--force", help="Replace the file if there is one.")] = False,
    as_json: AsJson = False,
) -> None:
    """Write documents, originals and conversations into one file; servers may go on running."""
    from app.commands.backing_up import backup as run

    run(file, replace=force, as_json=as_json)


@installation.command()
def restore(
    file: Annotated[Path, typer.Argument(help="What `llmops backup` has written.")],
    force: Annotated[bool, typer.Option("--force", help="Move the present data directory aside.")] = False,
    as_json: AsJson = False,
) -> None:
    """Put a backup into an empty data directory, after checking all of it."""
    from app.commands.backing_up import restore as run

    run(file, replace=force, as_json=as_json)


@installation.command()
def doctor(server: Server = None, as_json: AsJson = False) -> None:
    """Look at everything an installation needs, or at how a running API is."""
    from app.commands.doctor import examine

    examine(server=server, as_json=as_json)


@installation.command(name="eval")
def evaluate(
    quick: Annotated[bool, typer.Option("--quick", help="Smaller sets, in under two minutes.")] = False,
    as_json: AsJson = False,
) -> None:
    """Measure the quality of retrieval and answers."""
    from app.commands.evaluating import evaluate as run

    run(quick=quick, as_json=as_json)
