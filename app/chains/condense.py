"""Makes a follow-up question readable without the conversation before it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.prompts import ChatPromptTemplate, MessagesPlaceholder

from app.chains.carry_over import carry_over
from app.chains.fallback import prefer_model
from app.chains.prompts import recent_messages
from app.chains.records import Turn
from app.chains.topic import keep_topic
from app.errors import ModelError, ModelMisbehaved
from app.models.chat import ChatModel
from app.schemas import Mode

CONDENSE_PROMPT = ChatPromptTemplate.from_messages(
    [
        (
            "system",
            (
                "You rewrite the user's last question so that it can be understood without the conversation. Put "
                "names, topics and years in the place of pronouns and of what the question leaves out. Keep its "
                "language, its meaning and its kind: a request for a summary stays one. A question that stands alone "
                "already stays word for word as it is. Do not answer it. Reply with the question only."
            ),
        ),
        MessagesPlaceholder("history"),
        ("human", "Rewrite this question, do not answer it: {question}"),
    ]
)

_LONGEST = 400
"""Characters by which a rewritten question may exceed the original; beyond that it is an answer, not a question."""


@dataclass(frozen=True, slots=True)
class Condensed:
    """A stand-alone question; `degraded` holds codes of `app.errors`."""

    text: str
    mode: Mode
    degraded: tuple[str, ...] = ()


async def condense(question: str, history: Sequence[Turn], *, model: ChatModel | None) -> Condensed:
    """Let the model rewrite the question, or carry over what it leaves out from the turns before it.

    `history` is ordered from old to new and only its end is read. Without history nobody is asked.
    """

    async def by_demo(failure: ModelError | None = None) -> Condensed:
        standalone = keep_topic(question, carry_over(question, history), history)
        return Condensed(standalone, "demo", (failure.code,) if failure else ())

    if model is None:
        return await by_demo()
    if not history:
        return Condensed(question, "llm")
    return await prefer_model(lambda: _ask(question, history, model), by_demo)


async def _ask(question: str, history: Sequence[Turn], model: ChatModel) -> Condensed:
    """Raises:
    ModelMisbehaved: what came back cannot be a question.
    """
    messages = CONDENSE_PROMPT.format_messages(history=recent_messages(history), question=question)
    written = await model.complete(messages)
    text = written.strip().strip("\"'“”").strip()
    if (
        not any(character.isalnum() for character in text)
        or len(text) > len(question) + _LONGEST
        or "\n\n" in text
    ):
        raise ModelMisbehaved(f"{model.name} did not rewrite the question but wrote {text[:40]!r}")
    return Condensed(" ".join(text.split()), "llm")
