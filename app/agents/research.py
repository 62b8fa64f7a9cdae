"""Splits a broad question, searches for each part side by side, and reports with sections."""

from __future__ import annotations

import operator
from typing import Annotated, Any

from langgraph.channels.untracked_value import UntrackedValue
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Send

from app.agents.base import (
    AgentDeps,
    AgentSpec,
    check,
    collect_degraded,
    recall,
    report_status,
    timed,
    token_sink,
)
from app.chains.plan import plan
from app.chains.records import Draft, Finding, Question
from app.chains.report import report
from app.models.abbreviations import expand
from app.state import AgentResult, RunState


class ResearchState(RunState):
    sub_questions: Annotated[tuple[str, ...], UntrackedValue]
    findings: Annotated[list[Finding], operator.add]
    search_degraded: Annotated[list[str], operator.add]
    draft: Annotated[Draft, UntrackedValue]


def build(deps: AgentDeps) -> CompiledStateGraph[Any, Any, Any, Any]:
    async def make_plan(state: ResearchState) -> dict[str, Any]:
        report_status("Planning the research")
        with timed(state, "plan") as timings:
            names = await deps.in_pool(document_names, state)
            planned = await plan(state["standalone"], model=deps.model_for(state), names=names)
        degraded = collect_degraded(state["degraded"], planned.degraded)
        return {"sub_questions": planned.questions, "degraded": degraded, "timings_ms": timings}

    def document_names(state: ResearchState) -> list[str]:
        documents = deps.store.list_documents(state["collection"])
        return [document.name for document in documents if document.status == "indexed"]

    def fan_out(state: ResearchState) -> list[Send]:
        return [
            Send("search_one", {**state, "sub_questions": (question,)}) for question in state["sub_questions"]
        ]

    async def search_one(state: ResearchState) -> dict[str, Any]:
        (sub_question,) = state["sub_questions"]
        report_status(f"Searching: {sub_question}")
        found = await deps.search(expand(sub_question), state)
        finding = Finding(question=sub_question, evidence=found.hits)
        return {"findings": [finding], "search_degraded": list(found.degraded)}

    async def write_report(state: ResearchState) -> dict[str, Any]:
        passages = sum(len(finding.evidence) for finding in state["findings"])
        report_status(f"Writing a report from {passages} passages")
        question = Question(state["question"], state["standalone"], recall(state))
        with timed(state, "report") as timings:
            draft = await report(
                question,
                state["findings"],
                model=deps.model_for(state),
                reader=deps.reader,
                on_token=token_sink(state),
            )
        degraded = collect_degraded(state["degraded"], state["search_degraded"])
        return {"draft": draft, "degraded": degraded, "timings_ms": timings}

    async def verify(state: ResearchState) -> dict[str, Any]:
        return await check(state["draft"], state, deps)

    graph = StateGraph(ResearchState, input_schema=RunState, output_schema=AgentResult)
    graph.add_node("make_plan", make_plan)
    graph.add_node("search_one", search_one)
    graph.add_node("write_report", write_report)
    graph.add_node("verify", verify)
    graph.add_edge(START, "make_plan")
    graph.add_conditional_edges("make_plan", fan_out, ["search_one"])
    graph.add_edge("search_one", "write_report")
    graph.add_edge("write_report", "verify")
    graph.add_edge("verify", END)
    return graph.compile(name="research")


SPEC = AgentSpec(
    name="research",
    description="Researches a broad question over sub-questions and reports with sections and sources.",
    build=build,
)
