"""How commands write to a terminal: JSON for programs, aligned columns for people."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import typer
from pydantic import BaseModel

from app.errors import InvalidRequest


def show_json(value: BaseModel | dict[str, Any]) -> None:
    data = value.model_dump(mode="json") if isinstance(value, BaseModel) else value
    typer.echo(json.dumps(data, ensure_ascii=False, indent=2))


def show_columns(rows: Sequence[Sequence[object]]) -> None:
    """Print rows aligned, never cut: what is printed can be copied and piped."""
    cells = [[printable(str(cell)) for cell in row] for row in rows]
    widths = [max(len(row[column]) for row in cells) for column in range(len(cells[0]))] if cells else []
    for row in cells:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        typer.echo("  ".join(padded).rstrip())


def printable(text: str) -> str:
    """Without control characters: a document's name or text must not move the cursor or retitle the terminal."""
    return "".join(
        character if character.isprintable() or character == "\n" else " " for character in text.expandtabs(4)
    )


def place(name: str, page: int | None) -> str:
    return printable(name if page is None else f"{name}, page {page}")


def read_argument(text: str) -> str:
    """The argument itself, or standard input for `-`.

    Raises:
        InvalidRequest: standard input is not UTF-8.
    """
    if text != "-":
        return text
    try:
        return sys.stdin.buffer.read().decode("utf-8-sig").strip()
    except UnicodeDecodeError as error:
        raise InvalidRequest(f"standard input is not UTF-8: {error.reason} at byte {error.start}") from None


def fail(message: str) -> NoReturn:
    """End the command as failed after its result has been printed, which says more than an error could."""
    typer.echo(f"error: {message}", err=True)
    raise typer.Exit(1)
