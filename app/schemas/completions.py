"""Chat completions as OpenAI's reference describes them, as far as documents can be asked by them.

Fields that the reference has and nothing here uses are ignored: a client that sends `temperature` is not turned away.
"""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from app.schemas.answers import Citation
from app.schemas.base import AgentName, CollectionName, DocumentIds, Identifier, Mode, ModeChoice


class _Lenient(BaseModel):
    model_config = ConfigDict(extra="ignore")


class ContentPart(_Lenient):
    """A part of a message; only text can be read."""

    type: str
    text: str | None = None


class CompletionMessage(_Lenient):
    role: Literal["system", "developer", "user", "assistant", "tool", "function"]
    content: str | list[ContentPart] | None = None


class StreamOptions(_Lenient):
    include_usage: bool = False


class CompletionRequest(_Lenient):
    """The last message is the question. The fields from `collection` on are ours, for a client's `extra_body`."""

    model: str = Field(examples=["agent"], description="agent, qa, research or summarize")
    messages: list[CompletionMessage] = Field(
        min_length=1,
        max_length=2_000,
        examples=[[{"role": "user", "content": "What is the notice period?"}]],
    )
    stream: bool = False
    stream_options: StreamOptions | None = None
    n: int | None = Field(default=None, ge=1, le=1, description="One answer is all there is")
    tools: list[Any] | None = None
    tool_choice: Any = None
    response_format: dict[str, Any] | None = None

    collection: CollectionName | None = None
    document_ids: DocumentIds = None
    mode: ModeChoice = "auto"
    thread_id: Identifier | None = Field(
        default=None,
        description="Continue this conversation, which the server remembers, instead of the messages before the last",
    )


class CompletionUsage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    total_tokens: int


class AnswerFacts(BaseModel):
    """What else is known of an answer; OpenAI's reference has no place for it."""

    agent: AgentName
    mode: Mode
    refused: bool
    degraded: list[str]
    thread_id: str
    run_id: str


class AssistantMessage(BaseModel):
    """`content` ends with the citations as footnotes, for clients that show nothing else."""

    role: Literal["assistant"] = "assistant"
    content: str
    refusal: None = None
    citations: list[Citation]


class Choice(BaseModel):
    index: int = 0
    message: AssistantMessage
    finish_reason: Literal["stop"] = "stop"
    logprobs: None = None


class Completion(BaseModel):
    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: CompletionUsage
    llmops: AnswerFacts


class Delta(BaseModel):
    role: Literal["assistant"] | None = None
    content: str | None = None
    citations: list[Citation] | None = None


class ChunkChoice(BaseModel):
    index: int = 0
    delta: Delta
    finish_reason: Literal["stop"] | None = None


class CompletionChunk(BaseModel):
    """One event of a stream; `llmops` comes with the last but one, `usage` with the last, if it was asked for."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: CompletionUsage | None = None
    llmops: AnswerFacts | None = None


class ModelEntry(BaseModel):
    id: str
    object: Literal["model"] = "model"
    created: int
    owned_by: str


class ModelList(BaseModel):
    object: Literal["list"] = "list"
    data: list[ModelEntry]


class OpenAIErrorInfo(BaseModel):
    message: str
    type: str
    param: str | None = None
    code: str


class OpenAIError(BaseModel):
    """An error as OpenAI's clients read it; `code` is that of our problems."""

    error: OpenAIErrorInfo
