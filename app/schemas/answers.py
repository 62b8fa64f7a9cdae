"""Questions, answers and conversations."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self, get_args

from pydantic import (
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    WithJsonSchema,
    model_validator,
)

from app.schemas.base import (
    AgentChoice,
    AgentName,
    CollectionName,
    DocumentIds,
    Identifier,
    Mode,
    ModeChoice,
    Wire,
)

# A plain string on the wire, because an unknown agent is a 404 like any other unknown thing, not a 422.
_AGENT_ENUM: dict[str, Any] = {"enum": list(get_args(AgentChoice))}


class PassageInfo(Wire):
    """A chunk that was found, and how well it fits the question."""

    document_id: str
    document_name: str
    chunk_id: str
    page: int | None = None
    char_start: int
    char_end: int
    score: float = Field(ge=0, le=1)


class Citation(PassageInfo):
    """Where a statement of the answer stands; the span is that of the quote.

    `verified`: `quote` is literally at that span of the stored text, and supports the statement that cites it.
    """

    marker: int = Field(ge=1, description="The n of `[n]` in the answer")
    quote: str
    verified: bool
    flags: list[str] = Field(
        [],
        description="What is suspicious about the passage: `instruction-like`, `hidden-text`; mostly nothing",
    )


class Coverage(Wire):
    """How much a summary has read of what it is about; formats without pages count none."""

    documents: int
    chunks: int
    chunks_read: int
    pages: int
    pages_read: int


class Usage(Wire):
    input_tokens: int = 0
    output_tokens: int = 0


class Answer(Wire):
    """What every agent gives, through every door."""

    answer: str
    citations: list[Citation] = Field(default_factory=list)
    agent: AgentName
    route_reason: str = Field("", description="Why this agent")
    mode: Mode
    model: str
    refused: bool = False
    degraded: list[str] = Field(
        [], description="Why something less than the configured models was used, by code"
    )
    nearest: list[PassageInfo] = Field([], description="Of a refused question: what comes nearest")
    evidence: list[PassageInfo] = Field(
        [], description="What was read for the answer, whether it is cited or not"
    )
    coverage: Coverage | None = Field(default=None, description="Of summaries: how much was read")
    suggestions: list[str] = Field(
        [],
        description="Up to three questions to go on with, which the documents answer; none after a refusal",
    )
    thread_id: str
    run_id: str
    usage: Usage = Usage()
    timings_ms: dict[str, float] = Field(default_factory=dict)


class PlanValue(Wire):
    sub_questions: list[str]


class Interrupt(Wire):
    """A research waits: its plan is to be approved or changed before it goes on, by a resume on its thread."""

    type: Literal["interrupt"] = "interrupt"
    content: str
    thread_id: str
    run_id: str
    id: str
    value: PlanValue


class WaitingPlan(Wire):
    """A research that waits on a thread: what was asked, and the plan that is to be approved or changed."""

    thread_id: str
    question: str
    sub_questions: list[str]


SubQuestion = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=1_000)]


class Resume(Wire):
    """What a research that waits goes on with."""

    sub_questions: list[SubQuestion] | None = Field(
        default=None,
        min_length=1,
        max_length=8,
        description="In place of the plan's; left out, the plan as it is",
    )


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
    approve_plan: bool = Field(
        default=False,
        description="Let a research wait until its plan is approved; the answer is then an Interrupt",
    )


# LangServe's playground cannot draw a field that may be null, nor a null default; to it an empty value means the same.
_NoneIfEmpty = BeforeValidator(lambda value: value or None)
_FormText = Annotated[CollectionName | None, _NoneIfEmpty, WithJsonSchema({"type": "string", "default": ""})]
_FormList = Annotated[
    DocumentIds,
    _NoneIfEmpty,
    WithJsonSchema({"type": "array", "items": {"type": "string"}, "default": []}),
]
# An empty object is what the playground sends for a field that nobody filled in.
_FormResume = Annotated[Resume | None, _NoneIfEmpty, WithJsonSchema({"type": "object", "default": {}})]


def _nothing() -> None:
    return None


class AgentInput(Wire):
    """Input of the LangServe routes; the thread is named in `config.configurable.thread_id`."""

    question: str = Field(
        default="",
        title="Question",
        description="What you want to know",
        examples=["What is the notice period?"],
    )
    collection: _FormText = Field(
        default_factory=_nothing, title="Collection", description="Leave empty for the default one"
    )
    agent: str = Field(default="auto", title="Agent", json_schema_extra=_AGENT_ENUM)
    mode: ModeChoice = Field(default="auto", title="Mode", description="demo never calls a model")
    document_ids: _FormList = Field(
        default_factory=_nothing, title="Documents", description="Look into these only"
    )
    resume: _FormResume = Field(
        default_factory=_nothing,
        title="Resume",
        description="In place of a question: go on with a research whose plan waits for approval on the thread",
    )

    @model_validator(mode="after")
    def _is_question_or_resume(self) -> Self:
        if self.resume is not None and self.question.strip():
            raise ValueError("either a question or a resume is accepted, not both")
        return self


class ChatMessage(Wire):
    """A message of the chat playground, which sends the ids of its runs along with the answers."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["human", "ai", "system"] = "human"
    content: str


class ChatInput(Wire):
    messages: list[ChatMessage] = Field(
        min_length=1,
        title="Messages",
        examples=[[{"type": "human", "content": "What is the notice period?"}]],
    )
