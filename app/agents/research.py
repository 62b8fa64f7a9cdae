"""Splits a broad question, searches for each part side by side, follows what it finds, and reports with sections."""

from __future__ import annotations

import operator
from dataclasses import dataclass
from time import perf_counter
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
    report_interrupt,
    report_status,
    timed,
    token_sink,
)
from app.chains.calculator import Calculation
from app.chains.follow import PageRange, look_further
from app.chains.plan import plan
from app.chains.records import Draft, Finding, Question
from app.chains.report import merge_evidence, report
from app.knowledge.records import Hit
from app.models.abbreviations import expand
from app.models.metering import current_meter
from app.schemas import DocumentInfo
from app.state import AgentResult, RunState

_LEAST_FOUND = 8
_MOST_READ = 8
"""Chunks of pages that are read as a whole."""
_NEW_EACH = 1
"""What a follow-up adds: its best chunk that is not there yet. A second one seldom belongs to the question."""


class ResearchState(RunState):
    """`queries` and `pages` are those of the present round, 0 for the plan's."""

    queries: Annotated[tuple[str, ...], UntrackedValue]
    pages: Annotated[tuple[PageRange, ...], UntrackedValue]
    round: Annotated[int, UntrackedValue]
    findings: Annotated[list[Finding], operator.add]
    calculations: Annotated[list[Calculation], operator.add]
    search_degraded: Annotated[list[str], operator.add]
    draft: Annotated[Draft, UntrackedValue]


@dataclass(frozen=True, slots=True)
class _Research:
    """The nodes, and the edges between them that depend on what was found."""

    deps: AgentDeps

    async def make_plan(self, state: ResearchState) -> dict[str, Any]:
        if state["plan"]:
            return {"queries": state["plan"], "round": 0}
        report_status("Planning the research")
        with timed(state, "plan") as timings:
            names = await self.deps.in_pool(self._document_names, state)
            planned = await plan(state["standalone"], model=self.deps.model_for(state), names=names)
        degraded = collect_degraded(state["degraded"], planned.degraded)
        if state["approve_plan"]:
            report_interrupt(state["run_id"], planned.questions)
        return {"queries": planned.questions, "round": 0, "degraded": degraded, "timings_ms": timings}

    def after_plan(self, state: ResearchState) -> list[Send] | str:
        return END if state["approve_plan"] and not state["plan"] else self.fan_out(state)

    async def search_one(self, state: ResearchState) -> dict[str, Any]:
        (query,) = state["queries"]
        report_status(f"Searching: {query}")
        found = await self.deps.search(expand(query), state, least=_LEAST_FOUND)
        evidence = found.hits
        is_follow_up = state["round"] > 0
        if is_follow_up:
            known = {hit.chunk.chunk_id for finding in state["findings"] for hit in finding.evidence}
            evidence = tuple(hit for hit in evidence if hit.chunk.chunk_id not in known)[:_NEW_EACH]
        finding = Finding(query, evidence, is_follow_up)
        return {"findings": [finding], "search_degraded": list(found.degraded)}

    async def read_pages(self, state: ResearchState) -> dict[str, Any]:
        (wanted,) = state["pages"]
        title = f"Pages {wanted.first} to {wanted.last} of {wanted.document}"
        report_status(f"Reading {title[0].lower()}{title[1:]}")
        evidence = await self.deps.in_pool(self._pages, state, wanted)
        return {"findings": [Finding(title, evidence, is_follow_up=True)]}

    async def follow(self, state: ResearchState) -> dict[str, Any]:
        """Decide what the next round searches for; nothing when there is no further round."""
        if not self._may_go_on(state):
            return {"queries": (), "pages": ()}
        report_status("Looking for what is missing")
        evidence = merge_evidence(state["findings"])
        with timed(state, f"follow_{state['round'] + 1}") as timings:
            names = await self.deps.in_pool(self._document_names, state)
            further = await look_further(
                state["standalone"], evidence, model=self.deps.model_for(state), documents=names
            )
        calculations = [new for new in further.calculations if new not in state["calculations"]]
        for calculation in calculations:
            report_status(f"Calculated: {calculation}")
        asked = {finding.question for finding in state["findings"]}
        return {
            "queries": tuple(query for query in further.queries if query not in asked),
            "pages": further.pages,
            "calculations": calculations,
            "round": state["round"] + 1,
            "degraded": collect_degraded(state["degraded"], further.degraded),
            "timings_ms": timings,
        }

    async def write_report(self, state: ResearchState) -> dict[str, Any]:
        passages = len(merge_evidence(state["findings"]))
        report_status(f"Writing a report from {passages} passages")
        question = Question(state["question"], state["standalone"], recall(state))
        with timed(state, "report") as timings:
            draft = await report(
                question,
                state["findings"],
                model=self.deps.model_for(state),
                reader=self.deps.reader,
                calculations=state["calculations"],
                on_token=token_sink(state),
            )
        degraded = collect_degraded(state["degraded"], state["search_degraded"])
        return {"draft": draft, "degraded": degraded, "timings_ms": timings}

    async def verify(self, state: ResearchState) -> dict[str, Any]:
        return await check(state["draft"], state, self.deps)

    def fan_out(self, state: ResearchState) -> list[Send] | str:
        sends = [Send("search_one", {**state, "queries": (query,)}) for query in state["queries"]]
        sends += [Send("read_pages", {**state, "pages": (pages,)}) for pages in state.get("pages") or ()]
        return sends or "write_report"

    def _may_go_on(self, state: ResearchState) -> bool:
        budget = self.deps.budget
        has_time = perf_counter() - state["started"] < budget.seconds
        has_found = any(finding.evidence for finding in state["findings"])
        has_tokens = current_meter().total < budget.tokens
        return state["round"] < budget.rounds and has_time and has_tokens and has_found

    def _document_names(self, state: ResearchState) -> list[str]:
        return [document.name for document in self._documents(state)]

    def _documents(self, state: ResearchState) -> list[DocumentInfo]:
        """Those that the run may look at."""
        allowed = state["document_ids"]
        return [
            document
            for document in self.deps.store.list_documents(state["collection"])
            if document.status == "indexed" and (not allowed or document.document_id in allowed)
        ]

    def _pages(self, state: ResearchState, wanted: PageRange) -> tuple[Hit, ...]:
        """The chunks of the pages, or of the beginning of a document that has none; not those found before."""
        names = {document.name.casefold(): document.document_id for document in self._documents(state)}
        document_id = names.get(wanted.document.strip().casefold())
        if document_id is None:
            return ()
        known = {hit.chunk.chunk_id for finding in state["findings"] for hit in finding.evidence}
        read = [
            chunk
            for chunk in self.deps.store.chunks([document_id])
            if chunk.page is None or wanted.first <= chunk.page <= wanted.last
        ]
        return tuple(
            Hit(chunk, 1.0, None, None) for chunk in read[:_MOST_READ] if chunk.chunk_id not in known
        )


def build(deps: AgentDeps) -> CompiledStateGraph[Any, Any, Any, Any]:
    research = _Research(deps)
    graph = StateGraph(ResearchState, input_schema=RunState, output_schema=AgentResult)
    graph.add_node("make_plan", research.make_plan)
    graph.add_node("search_one", research.search_one)
    graph.add_node("read_pages", research.read_pages)
    graph.add_node("follow", research.follow)
    graph.add_node("write_report", research.write_report)
    graph.add_node("verify", research.verify)
    graph.add_edge(START, "make_plan")
    graph.add_conditional_edges("make_plan", research.after_plan, ["search_one", "write_report", END])
    graph.add_edge("search_one", "follow")
    graph.add_edge("read_pages", "follow")
    graph.add_conditional_edges("follow", research.fan_out, ["search_one", "read_pages", "write_report"])
    graph.add_edge("write_report", "verify")
    graph.add_edge("verify", END)
    return graph.compile(name="research")


SPEC = AgentSpec(
    name="research",
    description="Researches a broad question over sub-questions and reports with sections and sources.",
    build=build,
)
