"""The `llmops` command, put together from declarations in `app.commands`: `--help` loads no model, store or server."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Sequence

import typer

from app.commands.documents import holdings
from app.commands.installation import installation
from app.commands.keys import keys
from app.commands.questions import questions
from app.commands.servers import servers
from app.commands.tenants import tenants
from app.commands.threads import threads
from app.commands.vectors import vectors
from app.errors import LlmopsError

app = typer.Typer(
    name="llmops",
    help="Chat with your own documents. Every command reads the same settings; see docs/configuration.md.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
for group in (servers, questions, holdings, installation):
    app.add_typer(group)
app.add_typer(threads, name="threads")
app.add_typer(keys, name="keys")
app.add_typer(tenants, name="tenants")
app.add_typer(vectors, name="vectors")


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
