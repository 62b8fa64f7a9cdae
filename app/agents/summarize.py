"""Summarises whole documents: every chunk is read, not only the few that a search would find."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from langgraph.channels.untracked_value import UntrackedValue
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from app.agents.base import AgentDeps, AgentSpec, check, recall, report_status, timed, token_sink
from app.chains.choose import MOST_UNNAMED, choose_documents, choose_section, is_for_all
from app.chains.records import Draft, Question
from app.chains.summarize import ask_which, estimate, summarize
from app.errors import UnknownDocument
from app.knowledge.records import Chunk
from app.knowledge.retriever import HybridRetriever
from app.knowledge.store import KnowledgeStore
from app.schemas import DocumentInfo
from app.state import AgentResult, RunState

# On the sample documents, requests about what they do not deal with scored at most 0.07, others 0.16 and more.
_LEAST_SCORE = 0.12
_NEAR_THE_BEST = 0.8


class SummarizeState(RunState):
    documents: Annotated[tuple[DocumentInfo, ...], UntrackedValue]
    is_unclear: Annotated[bool, UntrackedValue]
    draft: Annotated[Draft, UntrackedValue]


def named_documents(ids: Sequence[str], available: Sequence[DocumentInfo]) -> tuple[DocumentInfo, ...]:
    """The documents with these ids, each once.

    Raises:
        UnknownDocument: one of them is not in the collection, or not indexed.
    """
    by_id = {document.document_id: document for document in available}
    for document_id in ids:
        if document_id not in by_id:
            raise UnknownDocument(f"There is no document {document_id!r} in this collection")
    return tuple(by_id[document_id] for document_id in dict.fromkeys(ids))


@dataclass(frozen=True, slots=True)
class _Shelf:
    """The documents of a store from which a run chooses."""

    store: KnowledgeStore
    retriever: HybridRetriever

    def chosen(self, state: RunState) -> tuple[DocumentInfo, ...]:
        available = self._indexed(state)
        if state["document_ids"]:
            return named_documents(state["document_ids"], available)
        named = choose_documents(state["standalone"], available, recently_cited=_cited_in_turns(state))
        return named or self._about(state, available)

    def chunks(self, state: SummarizeState) -> list[Chunk]:
        """Of the documents that are still there, since one may have been deleted meanwhile; of one section of them
        where the request names it.
        """
        present = {document.document_id for document in self._indexed(state)}
        chosen = [info.document_id for info in state["documents"] if info.document_id in present]
        chunks = self.store.chunks(document_ids=chosen) if chosen else []
        sections = dict.fromkeys(chunk.section for chunk in chunks if chunk.section)
        section = choose_section(state["standalone"], list(sections))
        return chunks if section is None else [chunk for chunk in chunks if chunk.section == section]

    def _about(self, state: RunState, available: Sequence[DocumentInfo]) -> tuple[DocumentInfo, ...]:
        """The documents that a search finds best, when no name tells which are meant; none that is far off."""
        found = self.retriever.search(state["standalone"], k=state["top_k"], collection=state["collection"])
        near = max(_LEAST_SCORE, _NEAR_THE_BEST * found.hits[0].score) if found.hits else 0.0
        about = {hit.chunk.document_id for hit in found.hits if hit.score >= near}
        return tuple(document for document in available if document.document_id in about)

    def _indexed(self, state: RunState) -> list[DocumentInfo]:
        return [info for info in self.store.list_documents(state["collection"]) if info.status == "indexed"]


def _cited_in_turns(state: RunState) -> list[str]:
    citations = [citation for turn in reversed(state["turns"]) for citation in turn["answer"]["citations"]]
    return [citation["document_id"] for citation in citations]


def _is_unclear(state: RunState, documents: Sequence[DocumentInfo]) -> bool:
    """Whether a request that names nothing would mean a whole library."""
    return len(documents) > MOST_UNNAMED and not (state["document_ids"] or is_for_all(state["standalone"]))


def build(deps: AgentDeps) -> CompiledStateGraph[Any, Any, Any, Any]:
    shelf = _Shelf(deps.store, deps.retriever)
    notes = deps.store.notes()

    async def choose(state: SummarizeState) -> dict[str, Any]:
        with timed(state, "choose") as timings:
            documents = await deps.in_pool(shelf.chosen, state)
        names = ", ".join(document.name for document in documents)
        is_unclear = _is_unclear(state, documents)
        if not is_unclear:
            report_status(f"Reading {names}" if names else "Found no document about this")
        return {"documents": documents, "is_unclear": is_unclear, "timings_ms": timings}

    def branch(state: SummarizeState) -> Literal["ask_back", "respond"]:
        return "ask_back" if state["is_unclear"] else "respond"

    async def ask_back(state: SummarizeState) -> dict[str, Any]:
        names = [document.name for document in state["documents"]]
        return {"draft": ask_which(names, model=deps.model_for(state), on_token=token_sink(state))}

    async def respond(state: SummarizeState) -> dict[str, Any]:
        chunks = await deps.in_pool(shelf.chunks, state)
        question = Question(state["question"], state["standalone"], recall(state))
        tokens, calls = estimate(chunks)
        report_status(f"Reading {len(chunks)} passages, about {tokens:,} tokens in {calls} parts")
        with timed(state, "summarize") as timings:
            draft = await summarize(
                question,
                chunks,
                model=deps.model_for(state),
                reader=deps.reader,
                notes=notes,
                on_progress=lambda done, total: report_status("Reading passages", done=done, total=total),
                on_token=token_sink(state),
            )
        return {"draft": draft, "timings_ms": timings}

    async def verify(state: SummarizeState) -> dict[str, Any]:
        return await check(state["draft"], state, deps)

    graph = StateGraph(SummarizeState, input_schema=RunState, output_schema=AgentResult)
    graph.add_node("choose", choose)
    graph.add_node("ask_back", ask_back)
    graph.add_node("respond", respond)
    graph.add_node("verify", verify)
    graph.add_edge(START, "choose")
    graph.add_conditional_edges("choose", branch, ["ask_back", "respond"])
    graph.add_edge("ask_back", "verify")
    graph.add_edge("respond", "verify")
    graph.add_edge("verify", END)
    return graph.compile(name="summarize")


SPEC = AgentSpec(
    name="summarize",
    description="Summarises one document or several from beginning to end, with the pages it relies on.",
    build=build,
)
