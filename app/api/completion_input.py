"""Makes a run of a chat completion that a client of OpenAI's API asks for."""

from __future__ import annotations

from typing import Final

from app.api.conversation import Speaker, history_of
from app.errors import InvalidRequest, UnknownModel
from app.runs import RunRequest
from app.schemas import AgentChoice
from app.schemas.completions import CompletionMessage, CompletionRequest

MODELS: Final[dict[str, AgentChoice]] = {
    "agent": "auto",
    "qa": "qa",
    "research": "research",
    "summarize": "summarize",
}
"""The names of the agents as models; `agent` chooses among the others."""


def as_run(body: CompletionRequest, *, tenant: str) -> RunRequest:
    """The last message is the question, those before it are the history unless a thread is named.

    What the system says is left out: the answer comes from the documents, and is written as the service writes.

    Raises:
        UnknownModel
        InvalidRequest: the last message is not the user's, is not text, or something is wanted beside an answer.
    """
    agent = agent_of(body.model)
    _refuse_what_is_no_answer(body)
    texts = [_text_of(number, message) for number, message in enumerate(body.messages)]
    if body.messages[-1].role != "user":
        raise InvalidRequest("messages: the last one must be of the role 'user'")
    before = [(_speaker(message), text) for message, text in zip(body.messages[:-1], texts, strict=False)]
    return RunRequest(
        question=texts[-1],
        tenant=tenant,
        agent=agent,
        history=history_of(before) if body.thread_id is None else None,
        collection=body.collection,
        document_ids=body.document_ids,
        mode=body.mode,
        thread_id=body.thread_id,
    )


def agent_of(model: str) -> AgentChoice:
    """Raises UnknownModel."""
    if model not in MODELS:
        raise UnknownModel(f"There is no model {model!r}; there are {', '.join(MODELS)}")
    return MODELS[model]


def _refuse_what_is_no_answer(body: CompletionRequest) -> None:
    """A client that wants a tool called or a form filled in must not take an answer for it."""
    if body.tools or body.tool_choice not in (None, "auto", "none"):
        raise InvalidRequest("tools: those of the caller are never called")
    if body.response_format is not None and body.response_format.get("type") != "text":
        raise InvalidRequest("response_format: answers are text")


def _speaker(message: CompletionMessage) -> Speaker:
    return "human" if message.role == "user" else "ai" if message.role == "assistant" else "other"


def _text_of(number: int, message: CompletionMessage) -> str:
    if message.content is None or isinstance(message.content, str):
        return message.content or ""
    for part in message.content:
        if part.type != "text" or part.text is None:
            raise InvalidRequest(f"messages.{number}.content: only text can be read, not {part.type!r}")
    return "\n".join(part.text or "" for part in message.content)
