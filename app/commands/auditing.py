"""Notes in the audit log what a command has changed, as the server does for requests."""

from __future__ import annotations

import getpass
from contextvars import copy_context
from typing import Final

import typer

from app.settings import load_settings
from app.telemetry import context
from app.telemetry.audit import audit, audit_file_alone
from app.telemetry.traces import Value

_ACTOR: Final = "command"


def note(action: str, subject_kind: str, subject_id: str | None, **details: Value | list[str] | None) -> None:
    """Add a line for what is done; the work counts although the line cannot be written, which is then said."""
    folder = load_settings().log_dir
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with audit_file_alone(folder):
            copy_context().run(_note, action, subject_kind, subject_id, **details)
    except OSError as error:
        typer.echo(f"warning: the audit log in {folder} has no line of this: {error.strerror}", err=True)


def _note(
    action: str, subject_kind: str, subject_id: str | None, **details: Value | list[str] | None
) -> None:
    context.actor.set(_ACTOR)
    context.identity.set(f"user {_user()}")
    audit(action, subject_kind, subject_id, **details)


def _user() -> str:
    """Who runs the command, as the system knows him; a container may not."""
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return "unknown"
