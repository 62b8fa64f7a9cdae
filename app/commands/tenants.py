"""Declares `llmops tenants`; what its commands do is in `app.commands.tenant_data`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from app.commands.options import AsJson, read_texts

tenants = typer.Typer(
    help="Everything of one tenant: list who there is, export it, erase it.", no_args_is_help=True
)

Name = Annotated[str, typer.Argument(metavar="TENANT", callback=read_texts, help="Name of the tenant.")]


@tenants.command(name="list")
def list_tenants(as_json: AsJson = False) -> None:
    """List everybody who has a document, a job or a key."""
    from app.commands.tenant_data import list_tenants as run

    run(as_json=as_json)


@tenants.command(name="export")
def export_tenant(
    name: Name,
    file: Annotated[Path, typer.Argument(help="The ZIP file to write; it must not exist.")],
    as_json: AsJson = False,
) -> None:
    """Write documents, their texts, conversations and answers into one file."""
    from app.commands.tenant_data import export as run

    run(name, file, as_json=as_json)


@tenants.command(name="erase")
def erase_tenant(
    name: Name,
    yes: Annotated[bool, typer.Option("--yes", help="Confirm.")] = False,
    as_json: AsJson = False,
) -> None:
    """Forget documents, conversations, jobs and keys of a tenant for good."""
    from app.commands.tenant_data import erase as run

    run(name, confirmed=yes, as_json=as_json)
