"""Declares `llmops keys`; what its commands do is in `app.commands.keyring`."""

from __future__ import annotations

from typing import Annotated

import typer

from app.commands.options import AsJson, read_texts

keys = typer.Typer(help="API keys, for who comes in over the network.", no_args_is_help=True)


@keys.command(name="create")
def create_key(
    name: Annotated[str, typer.Option(callback=read_texts, help="What the key is for.")],
    tenant: Annotated[
        str, typer.Option(callback=read_texts, help="Whose documents and conversations it opens.")
    ] = "default",
    scopes: Annotated[
        str,
        typer.Option(
            callback=read_texts, help="read (look and ask), write (documents), admin (keys), by commas."
        ),
    ] = "read",
    days: Annotated[int | None, typer.Option(min=1, max=36_500, help="Ends after so many days.")] = None,
    as_json: AsJson = False,
) -> None:
    """Give out a key; it is shown once."""
    from app.commands.keyring import create as run

    run(name, tenant=tenant, scopes=scopes, days=days, as_json=as_json)


@keys.command(name="list")
def list_keys(as_json: AsJson = False) -> None:
    """List all keys, newest first, those that have ended included."""
    from app.commands.keyring import list_keys as run

    run(as_json=as_json)


@keys.command(name="revoke")
def revoke_key(
    key_id: Annotated[str, typer.Argument(metavar="ID", callback=read_texts, help="ID of the key.")],
    as_json: AsJson = False,
) -> None:
    """Refuse a key from its next request on."""
    from app.commands.keyring import revoke as run

    run(key_id, as_json=as_json)
