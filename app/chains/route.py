"""Chooses the agent for a question: the chat model's choice, or the demo router's by the grammar of the request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import get_args

from langchain_core.prompts import ChatPromptTemplate
from pydantic import BaseModel, Field

from app.chains.fallback import prefer_model
from app.chains.request_grammar import read_cues
from app.errors import ModelError
from app.models.chat import ChatModel
from app.schemas import AgentName, Mode

ROUTE_PROMPT = ChatPromptTemplate.from_messages(
    [
        (
            "system",
            (
                "Choose the agent that serves a question about the user's documents best. Do not answer it.\n"
                "qa: a question with one specific answer, definitions included.\n"
                "research: comparing, contrasting, analysing, weighing pros and cons, relationships, developments over "
                "time, several aspects or several documents, a report or a verdict with evidence; summarising the "
                "differences between documents too.\n"
                "summarize: a summary, an overview, the key points, the gist, what a document is about.\n"
                "Give the agent's name and the reason in one short sentence."
            ),
        ),
        ("human", "{question}"),
    ]
)


class AgentChoice(BaseModel):
    """Which agent should work on the question."""

    agent: str = Field(description="The agent's name", json_schema_extra={"enum": list(get_args(AgentName))})
    reason: str = Field(description="Why, in one short sentence")


@dataclass(frozen=True, slots=True)
class Route:
    """The chosen agent and, in one sentence for the user, why; `degraded` holds codes of `app.errors`."""

    agent: AgentName
    reason: str
    mode: Mode
    degraded: tuple[str, ...] = ()


async def route(question: str, *, model: ChatModel | None) -> Route:
    """Let the model choose, or the demo router where there is no model or it fails.

    When the model names an agent that does not exist, qa takes over: it can do something with any question.
    """

    async def by_demo(failure: ModelError | None = None) -> Route:
        return demo_route(question, degraded=(failure.code,) if failure else ())

    if model is None:
        return await by_demo()
    return await prefer_model(lambda: _ask(question, model), by_demo)


async def _ask(question: str, model: ChatModel) -> Route:
    choice = await model.structured(ROUTE_PROMPT.format_messages(question=question), AgentChoice)
    named = choice.agent.strip().casefold()
    for agent in get_args(AgentName):
        if agent == named:
            return Route(agent, " ".join(choice.reason.split()) or f"The model chose {agent}.", "llm")
    return Route(
        "qa", f"The model named an agent that does not exist ({named[:40]!r}); qa takes any question.", "llm"
    )


def demo_route(question: str, *, degraded: tuple[str, ...] = ()) -> Route:
    """Choose by the request's grammar, in well under a millisecond; without any cue a question is an ordinary one.

    Nearest labelled examples and a linear model over embeddings were tried instead; both were ten points worse.
    """
    best = max(read_cues(question), key=lambda cue: cue.weight, default=None)
    if best is None:
        return Route("qa", "It asks for a specific answer.", "demo", degraded)
    return Route(best.agent, f"It {best.meaning} (“{best.words}”).", "demo", degraded)
