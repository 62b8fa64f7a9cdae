"""What all wire types have in common: their base, and the names and identifiers that several of them use."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

AgentName = Literal["qa", "research", "summarize"]
AgentChoice = Literal["auto", "qa", "research", "summarize"]
ModeChoice = Literal["auto", "demo"]
Mode = Literal["llm", "demo"]
DocumentStatus = Literal["queued", "parsing", "embedding", "indexed", "failed", "cancelled"]

DEFAULT_COLLECTION = "default"
COLLECTION_NAME = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$"
CollectionName = Annotated[str, StringConstraints(pattern=COLLECTION_NAME)]

DocumentIds = Annotated[
    list[str] | None, Field(min_length=1, max_length=1_000, description="Look into these only")
]
IDENTIFIER = r"^[A-Za-z0-9][A-Za-z0-9._:-]{0,127}$"
Identifier = Annotated[str, StringConstraints(pattern=IDENTIFIER)]


class Wire(BaseModel):
    """Base of all wire types: unknown fields of a request are refused by name, never silently dropped."""

    model_config = ConfigDict(extra="forbid")
