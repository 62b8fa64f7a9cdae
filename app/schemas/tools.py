"""Arguments of the tools that MCP clients call; `search_documents` takes a `SearchRequest`.

The titles and descriptions are read by the models that choose the arguments.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints

from app.schemas.base import AgentChoice, CollectionName, DocumentIds, DocumentStatus, Identifier, Wire

_Collection = Annotated[
    CollectionName | None,
    Field(description="Name of the set of documents to look into; left out, the one called `default`"),
]
_NamePart = Annotated[str, StringConstraints(min_length=1, max_length=255, pattern=r"^[^\x00-\x1f\x7f]+$")]


class AskArguments(Wire):
    question: str = Field(
        title="Question",
        description="A complete question; with `thread_id` it may lean on those that were asked before it",
        examples=["What is the notice period during probation?"],
    )
    collection: _Collection = Field(default=None, title="Collection")
    document_ids: DocumentIds = Field(default=None, title="Documents")
    agent: AgentChoice = Field(
        default="auto",
        title="Agent",
        description="`qa` answers one question, `research` several sides of a broad one with a report, `summarize` "
        "tells what documents say; `auto` chooses",
    )
    thread_id: Identifier | None = Field(
        default=None,
        title="Thread",
        description="Any name for a conversation that the server keeps: it begins with its first question, and the "
        "next ones continue it; left out, nothing is kept",
    )


class SummarizeArguments(Wire):
    document_id: str = Field(
        title="Document", description="`document_id` of an indexed document, as `list_documents` gives it"
    )
    focus: str | None = Field(
        default=None,
        title="Focus",
        description="What to summarise of it, as a request: a section by its heading, or a question about the whole",
        examples=["Summarise the section Liability", "What happens to the deposit?"],
    )


class ListArguments(Wire):
    collection: CollectionName | None = Field(
        default=None, title="Collection", description="Only documents of this one; left out, of all"
    )
    status: list[DocumentStatus] | None = Field(
        default=None,
        title="States",
        description="Only documents in these states; only `indexed` can be asked",
    )
    name: _NamePart | None = Field(default=None, title="Name", description="Only with this in their name")
    limit: int = Field(default=50, ge=1, le=200, title="Limit", description="How many at most")
    offset: int = Field(
        default=0,
        ge=0,
        le=2**53,
        title="Offset",
        description="Pass over so many: `next_offset` of the last list",
    )
