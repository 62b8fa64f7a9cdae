"""Write docs/cli.md from the declarations of the commands, so that it says what `llmops --help` says."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import typer
from typer.core import TyperArgument, TyperCommand, TyperGroup, TyperOption
from typer.main import get_command

from app.cli import app

PAGE = Path(__file__).parents[1] / "docs" / "cli.md"
_INTRODUCTION = """\
# Commands

Made by `make docs` from what `llmops COMMAND --help` says. Every command reads the same settings
([configuration](configuration.md)). A failure is one line on standard error and exit code 1, a wrong call exit code 2.
"""


def render() -> str:
    """The page: a section for each command, with its arguments and options."""
    return "\n".join((_INTRODUCTION, *(_section(name, command) for name, command in commands())))


def commands() -> Iterator[tuple[str, TyperCommand]]:
    """The commands that do something, by their full names; groups alone do nothing."""
    yield from _leaves(get_command(app), "llmops")


def _leaves(command: object, name: str) -> Iterator[tuple[str, TyperCommand]]:
    if isinstance(command, TyperGroup):
        for word, inner in command.commands.items():
            yield from _leaves(inner, f"{name} {word}")
    elif isinstance(command, TyperCommand):
        yield name, command


def _section(name: str, command: TyperCommand) -> str:
    context = typer.Context(command, info_name=name)
    usage = " ".join(command.collect_usage_pieces(context))
    rows = [row for parameter in command.params if (row := _row(parameter, context))]
    table = ["", "| | |", "|---|---|", *rows] if rows else []
    return "\n".join((f"## {name}", "", f"`{name} {usage}`", "", _one_line(command.help or ""), *table, ""))


def _row(parameter: object, context: typer.Context) -> str:
    """A line of the table; "" for what each command has."""
    if not isinstance(parameter, TyperArgument | TyperOption):
        return ""
    record = parameter.get_help_record(context)
    return _line(*record) if record and not record[0].startswith("--help") else ""


def _line(name: str, said: str) -> str:
    return f"| `{_one_line(name)}` | {_one_line(said)} |"


def _one_line(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(render())
