"""Answers one question from the passages that fit it best."""

from __future__ import annotations

from typing import Annotated, Any

from langgraph.channels.untracked_value import UntrackedValue
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from app.agents.base import (
    AgentDeps,
    AgentSpec,
    check,
    collect_degraded,
    describe_reading,
    recall,
    report_status,
    timed,
    token_sink,
)
from app.chains.answer import answer
from app.chains.records import Draft, Question
from app.knowledge.neighbours import merge_neighbours
from app.knowledge.records import Hit
from app.models.abbreviations import expand
from app.state import AgentResult, RunState


class QaState(RunState):
    evidence: Annotated[tuple[Hit, ...], UntrackedValue]
    draft: Annotated[Draft, UntrackedValue]


def build(deps: AgentDeps) -> CompiledStateGraph[Any, Any, Any, Any]:
    async def retrieve(state: QaState) -> dict[str, Any]:
        report_status(f"Searching: {state['standalone']}")
        with timed(state, "retrieve") as timings:
            found = await deps.search(expand(state["standalone"]), state)
            evidence = await deps.in_pool(merge_neighbours, found.hits, deps.store.text_between)
        degraded = collect_degraded(state["degraded"], found.degraded)
        return {"evidence": evidence, "degraded": degraded, "timings_ms": timings}

    async def respond(state: QaState) -> dict[str, Any]:
        report_status(describe_reading(state["evidence"]))
        question = Question(state["question"], state["standalone"], recall(state))
        with timed(state, "answer") as timings:
            draft = await answer(
                question,
                state["evidence"],
                model=deps.model_for(state),
                reader=deps.reader,
                on_token=token_sink(state),
            )
        return {"draft": draft, "timings_ms": timings}

    async def verify(state: QaState) -> dict[str, Any]:
        return await check(state["draft"], state, deps)

    graph = StateGraph(QaState, input_schema=RunState, output_schema=AgentResult)
    graph.add_node("retrieve", retrieve)
    graph.add_node("respond", respond)
    graph.add_node("verify", verify)
    graph.add_edge(START, "retrieve")
    graph.add_edge("retrieve", "respond")
    graph.add_edge("respond", "verify")
    graph.add_edge("verify", END)
    return graph.compile(name="qa")


SPEC = AgentSpec(
    name="qa", description="Answers a question in a few sentences, each with its source.", build=build
)
