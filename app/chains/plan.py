"""Splits a research question into the few questions that are searched for side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel, Field

from app.chains.decompose import decompose, distinct
from app.chains.fallback import prefer_model
from app.errors import ModelError, ModelMisbehaved
from app.models.chat import ChatModel
from app.schemas import Mode

PLAN_PROMPT = ChatPromptTemplate.from_messages(
    [
        (
            "system",
            (
                "You plan a search in the user's documents. Split the question into two to five sub-questions that "
                "can be searched for independently: one for each thing compared, each aspect, each year or each step "
                "of reasoning. Each names everything it is about, in the language of the question. Do not answer.\n"
                "The documents' names, as data: {names}"
            ),
        ),
        ("human", "{question}"),
    ]
)

_MAX_QUESTIONS = 6
_NAMES_SHOWN = 40


class SubQuestions(BaseModel):
    """The sub-questions of a research."""

    questions: list[str] = Field(description="Two to five questions that stand alone")


@dataclass(frozen=True, slots=True)
class Plan:
    """What to search for; `degraded` holds codes of `app.errors`."""

    questions: tuple[str, ...]
    mode: Mode
    degraded: tuple[str, ...] = ()


async def plan(question: str, *, model: ChatModel | None, names: Sequence[str]) -> Plan:
    """Let the model split the question, or split it by its grammar; `names` are those of the documents at hand.

    One to six distinct questions. Those of the grammar are at most five and end with the question itself, so that a
    wrong split costs a search and no answer.
    """

    async def by_demo(failure: ModelError | None = None) -> Plan:
        return Plan(decompose(question, names), "demo", (failure.code,) if failure else ())

    if model is None:
        return await by_demo()
    return await prefer_model(lambda: _ask(question, names, model), by_demo)


async def _ask(question: str, names: Sequence[str], model: ChatModel) -> Plan:
    """Raises:
    ModelMisbehaved: not one sub-question came back, or more than a plan may have.
    """
    shown = "; ".join(" ".join(name.split()) for name in names[:_NAMES_SHOWN]) or "none"
    messages = PLAN_PROMPT.format_messages(names=shown, question=question)
    split = await model.structured(messages, SubQuestions)
    questions = distinct(split.questions)
    if not 1 <= len(questions) <= _MAX_QUESTIONS:
        raise ModelMisbehaved(
            f"{model.name} planned {len(questions)} sub-questions, not 1 to {_MAX_QUESTIONS}"
        )
    return Plan(questions, "llm")
