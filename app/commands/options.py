"""Arguments and options that several commands take. Light to import, as `app.cli` must be."""

from __future__ import annotations

import re
from typing import Annotated, Any

import typer

from app.errors import InvalidRequest
from app.surrogates import replace_surrogates


def read_collection(name: str | None) -> str | None:
    """The name of a collection as every door accepts it."""
    from app.schemas import COLLECTION_NAME

    if name is not None and not re.fullmatch(COLLECTION_NAME, name):
        raise InvalidRequest(f"collection: {name!r} is not accepted: must match {COLLECTION_NAME}")
    return name


def read_texts(value: Any) -> Any:
    """What is no text in the terminal's encoding reaches Python as half characters, which nothing can store."""
    if isinstance(value, list):
        return [replace_surrogates(text) for text in value]
    return value if value is None else replace_surrogates(value)


def list_agents() -> list[str]:
    """What a shell completes."""
    return ["auto", "qa", "research", "summarize"]


AsJson = Annotated[bool, typer.Option("--json", help="Write JSON to standard output.")]
Collection = Annotated[
    str | None, typer.Option(callback=read_collection, help="Name of a collection; otherwise `default`.")
]
Documents = Annotated[
    list[str] | None,
    typer.Option("--document", callback=read_texts, help="Only this document's ID; repeatable."),
]
Server = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        callback=read_texts,
        help="Address of a running API; otherwise the local data directory.",
    ),
]
Host = Annotated[str | None, typer.Option(help="Address to listen on; otherwise LLMOPS_HOST.")]
Port = Annotated[int | None, typer.Option(min=0, max=65535, help="Port to listen on; otherwise LLMOPS_PORT.")]
