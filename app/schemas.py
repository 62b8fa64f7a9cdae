"""Wire types: what clients send and receive. The UI and other clients may rely on every name here.

Spans (`char_start`, `char_end`) count characters of the document's stored text; pages count from 1.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
)

AgentName = Literal["qa", "research", "summarize"]
AgentChoice = Literal["auto", "qa", "research", "summarize"]
ModeChoice = Literal["auto", "demo"]
Mode = Literal["llm", "demo"]
JobStage = Literal["queued", "parsing", "embedding", "finished"]
JobState = Literal["queued", "running", "done", "failed", "cancelled"]
DocumentStatus = Literal["queued", "parsing", "embedding", "indexed", "failed", "cancelled"]

# A plain string on the wire, because an unknown agent is a 404 like any other unknown thing, not a 422.
_AGENT_ENUM: dict[str, Any] = {"enum": list(get_args(AgentChoice))}

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


class Citation(Wire):
    """Where a statement of the answer stands.

    `verified`: `quote` is literally at that span of the stored text, and supports the statement that cites it.
    """

    marker: int = Field(ge=1, description="The n of `[n]` in the answer")
    document_id: str
    document_name: str
    chunk_id: str
    page: int | None = None
    char_start: int
    char_end: int
    quote: str
    score: float = Field(ge=0, le=1)
    verified: bool


class Usage(Wire):
    input_tokens: int = 0
    output_tokens: int = 0


class Answer(Wire):
    """What every agent gives, through every door."""

    answer: str
    citations: list[Citation] = []
    agent: AgentName
    mode: Mode
    model: str
    refused: bool = False
    degraded: list[str] = Field(
        [], description="Why something less than the configured models was used, by code"
    )
    thread_id: str
    run_id: str
    usage: Usage = Usage()
    timings_ms: dict[str, float] = {}


class AskRequest(Wire):
    question: str = Field(examples=["What is the notice period?"])
    collection: CollectionName | None = None
    thread_id: Identifier | None = None
    agent: str = Field(
        default="auto", description="auto, qa, research or summarize", json_schema_extra=_AGENT_ENUM
    )
    mode: ModeChoice = "auto"
    top_k: int | None = Field(default=None, ge=1, le=50)
    document_ids: DocumentIds = None


# LangServe's playground cannot draw a field that may be null, nor a null default; to it an empty value means the same.
_NoneIfEmpty = BeforeValidator(lambda value: value or None)
_FormText = Annotated[CollectionName | None, _NoneIfEmpty, WithJsonSchema({"type": "string", "default": ""})]
_FormList = Annotated[
    DocumentIds,
    _NoneIfEmpty,
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "default": []}),
]


def _nothing() -> None:
    return None


class AgentInput(Wire):
    """Input of the LangServe routes; the thread is named in `config.configurable.thread_id`."""

    question: str = Field(
        title="Question", description="What you want to know", examples=["What is the notice period?"]
    )
    collection: _FormText = Field(
        default_factory=_nothing, title="Collection", description="Leave empty for the default one"
    )
    agent: str = Field(default="auto", title="Agent", json_schema_extra=_AGENT_ENUM)
    mode: ModeChoice = Field(default="auto", title="Mode", description="demo never calls a model")
    document_ids: _FormList = Field(
        default_factory=_nothing, title="Documents", description="Look into these only"
    )


class ChatMessage(Wire):
    """A message of the chat playground, which sends the ids of its runs along with the answers."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["human", "ai", "system"] = "human"
    content: str


class ChatInput(Wire):
    messages: list[ChatMessage] = Field(min_length=1, title="Messages")


class Turn(Wire):
    question: str
    answer: Answer


class Thread(Wire):
    thread_id: str
    turns: list[Turn]


class ProblemInfo(Wire):
    code: str
    detail: str


PageRange = tuple[int, int]


class ExtractionInfo(Wire):
    """What a document's text was made from. Pages are listed as runs, each with its first and last page."""

    pages_with_text: list[PageRange] = []
    pages_without_text: list[PageRange] = []
    pages_doubtful: list[PageRange] = Field(
        [], description="The text looks garbled; also among those with text"
    )
    guessed: list[str] = Field([], description="What the file does not tell, such as its encoding")
    dropped: list[str] = Field([], description="What is not in the text, such as hidden parts")


class DocumentInfo(Wire):
    document_id: str
    name: str
    collection: str
    media_type: str
    bytes: int
    sha256: str
    pages: int | None = None
    pages_without_text: int | None = Field(default=None, description="How many; `warnings` names them")
    chunks: int = 0
    status: DocumentStatus
    error: ProblemInfo | None = None
    duplicate: bool = False
    warnings: list[str] = []
    extraction: ExtractionInfo | None = Field(default=None, description="Null until the file has been read")
    created_at: datetime


class DocumentList(Wire):
    documents: list[DocumentInfo]


class DocumentPage(DocumentList):
    """Some of `total` documents; the next ones begin at `next_offset`, null at the end."""

    total: int
    next_offset: int | None


class ChunkInfo(Wire):
    """A piece of a document as it is searched; `metadata` holds the document's fields and its own."""

    chunk_id: str
    ordinal: int = Field(description="Place in the document, from 0")
    page: int | None
    char_start: int
    char_end: int
    section: str | None = Field(description="The nearest heading above")
    text: str
    metadata: dict[str, Any]


class ChunkPage(Wire):
    chunks: list[ChunkInfo]
    total: int
    next_offset: int | None


class CollectionSettings(Wire):
    """What a collection has of its own; a field that is null follows the configuration of the service."""

    chunk_tokens: int | None = Field(
        default=None, ge=32, le=254, description="Length of a chunk; for documents indexed from now on"
    )
    chunk_overlap_tokens: int | None = Field(
        default=None, ge=0, le=253, description="Shared by neighbours; for documents indexed from now on"
    )
    top_k: int | None = Field(
        default=None, ge=1, le=50, description="Chunks to find where a request does not say how many"
    )


class CollectionInfo(Wire):
    name: str
    documents: int
    chunks: int
    bytes: int = Field(description="Size of the originals")
    created_at: datetime | None = Field(description="Null while nothing was ever put into the default one")
    settings: CollectionSettings
    warnings: list[str] = Field(
        default=[], description="What the change that is answered does not do, in words"
    )


class CollectionList(Wire):
    collections: list[CollectionInfo]


class NewCollection(Wire):
    name: CollectionName = Field(examples=["contracts"])
    settings: CollectionSettings = CollectionSettings()


class CollectionChange(Wire):
    settings: CollectionSettings = Field(examples=[{"top_k": 10}, {"chunk_tokens": None}])


class JobProgress(Wire):
    """`done` of `total` units; a job of one document counts its chunks as soon as their number is known."""

    done: int
    total: int
    stage: JobStage
    unit: Literal["documents", "chunks"]


class JobInfo(Wire):
    """A job as it stands: `failed` when no document arrived, `done` when any did; `documents` tell of each."""

    job_id: str
    state: JobState
    status: JobState = Field(description="The same as `state`, by the name that documents have for it")
    progress: JobProgress
    eta_s: float | None = Field(default=None, description="Seconds that are probably left")
    documents: list[DocumentInfo] = Field(description="Those that were not deleted since")
    created_at: datetime


class JobList(Wire):
    jobs: list[JobInfo]


class UploadResponse(Wire):
    job_id: str
    documents: list[DocumentInfo]


class TextDocument(Wire):
    text: str
    name: str | None = None
    metadata: dict[str, Any] = {}


class IndexRequest(Wire):
    documents: list[TextDocument] = Field(min_length=1, max_length=1_000)
    collection: CollectionName | None = None


class SearchRequest(Wire):
    query: str = Field(examples=["notice period"])
    k: int | None = Field(
        default=None, ge=1, le=100, description="How many; else the collection's `top_k`, else LLMOPS_TOP_K"
    )
    collection: CollectionName | None = None
    document_ids: DocumentIds = None
    filter: dict[str, Any] | None = Field(
        default=None,
        max_length=20,
        description="Conditions on metadata: a value, or $eq $ne $in $nin $gt $gte $lt $lte; $and and $or join them",
        examples=[
            {"kind": "contract", "year": {"$gte": 2024}},
            {"$or": [{"lang": "de"}, {"lang": {"$in": ["en"]}}]},
        ],
    )


class SearchResult(Wire):
    chunk_id: str
    document_id: str
    document_name: str
    page: int | None = None
    char_start: int
    char_end: int
    text: str
    score: float = Field(ge=0, le=1)


class SearchResponse(Wire):
    results: list[SearchResult]
    degraded: list[str] = []


class ClearRequest(Wire):
    confirm: Literal[True]
    collection: CollectionName | None = None


class ClearResponse(Wire):
    deleted_documents: int


class Stats(Wire):
    documents: int = Field(description="Those that can be asked about")
    unfinished: int = Field(description="Those that wait or are being indexed")
    failed: int = Field(description="Those that failed or were cancelled")
    chunks: int
    collections: dict[str, int] = Field(description="Documents in each collection")
    bytes: int = Field(description="Size of the originals")
    embedding_model: str
    chat_model: str | None
    demo_mode: bool


class Health(Wire):
    status: Literal["ok", "unavailable"]
    version: str
    mode: Mode
    checks: dict[str, str] = Field(description="ok, or what is wrong, for each dependency")


class AgentInfo(Wire):
    name: str
    description: str


class Info(Wire):
    version: str
    agents: list[AgentInfo]
    mode: Mode
    chat_model: str | None
    embedding_model: str
    limits: dict[str, float]
    media_types: list[str]
    extensions: list[str] = Field(
        [], description="Endings of the names of files that are read, with their dots"
    )


class Problem(BaseModel):
    """RFC 9457 `application/problem+json`; `code` is stable and meant for programs."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
