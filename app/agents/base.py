"""What every agent is made of: its dependencies, its description, and how it speaks while it works."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter
from typing import Any, ParamSpec, TypeVar

from langgraph.config import get_stream_writer
from langgraph.graph.state import CompiledStateGraph

from app.chains.records import Draft, Evidence, Turn, Verified
from app.chains.suggest import suggest
from app.chains.verify import verify
from app.errors import ModelError
from app.knowledge.records import Hit
from app.knowledge.retriever import HybridRetriever, Retrieved
from app.knowledge.store import KnowledgeStore
from app.models.chat import ChatModel
from app.models.reader import Reader
from app.pools import call_in
from app.schemas import AgentName, PassageInfo, PlanValue
from app.state import RunState
from app.telemetry.traces import span

_MODEL_FAILURES = {ModelError.code} | {error.code for error in ModelError.__subclasses__()}

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ResearchBudget:
    """How far a research may go beyond its plan: `rounds` of following what was found, begun within `seconds`.

    None begins after `tokens` were spent, as far as the provider counts them.
    """

    rounds: int = 1
    seconds: float = 30.0
    tokens: int = 100_000


@dataclass(frozen=True, slots=True)
class AgentDeps:
    """The long-lived objects that nodes use; `pool` runs what would block the event loop."""

    store: KnowledgeStore
    retriever: HybridRetriever
    reader: Reader
    chat_model: ChatModel | None
    pool: ThreadPoolExecutor
    budget: ResearchBudget = ResearchBudget()

    def model_for(self, state: RunState) -> ChatModel | None:
        """The model for the next step; one that failed earlier in the run is not waited for again."""
        has_failed = any(code in _MODEL_FAILURES for code in state.get("degraded") or ())
        return None if state["mode"] == "demo" or has_failed else self.chat_model

    async def in_pool(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await call_in(self.pool, function, *args, **kwargs)

    async def search(self, query: str, state: RunState, *, least: int = 1) -> Retrieved:
        """Find the passages for one query within what the run may look at, `least` of them or more.

        Where the run must not wait for the chat model, it must not do so as a reranker either.
        """
        return await self.in_pool(
            self.retriever.search,
            query,
            k=max(least, state["top_k"]),
            collection=state["collection"],
            document_ids=state["document_ids"],
            rerank=self.chat_model is None or self.model_for(state) is not None,
        )


@dataclass(frozen=True, slots=True)
class AgentSpec:
    """An entry of the registry: routes, `/info`, the router and the UI follow from it."""

    name: AgentName
    description: str
    build: Callable[[AgentDeps], CompiledStateGraph[Any, Any, Any, Any]]


class StreamedTokens:
    """A `TokenSink` that passes an answer on while it is being written."""

    def __init__(self) -> None:
        self._write = get_stream_writer()

    def token(self, text: str) -> None:
        self._write({"type": "token", "content": text})

    def reset(self, reason: str) -> None:
        """What was streamed so far is void: another engine starts over, because of `reason` (an error code)."""
        self._write(
            {"type": "status", "content": f"Starting over with the demo engine ({reason})", "reset": True}
        )


def token_sink(state: RunState) -> StreamedTokens | None:
    """Where the answer's pieces go; None where nobody waits for them, which spares the model's streaming."""
    return StreamedTokens() if state["streams"] else None


def report_status(content: str, *, done: int | None = None, total: int | None = None) -> None:
    """Say what the agent is doing; `done` of `total` where that is known."""
    event: dict[str, Any] = {"type": "status", "content": content}
    if total is not None:
        event |= {"done": done, "total": total}
    get_stream_writer()(event)


def describe_reading(evidence: Sequence[Hit]) -> str:
    """Of what is read: the pages where it is of one document that has some, otherwise how much of how many."""
    names = {hit.chunk.document_name for hit in evidence}
    pages = sorted({part.page for hit in evidence for part in hit.chunk.parts or (hit.chunk,) if part.page})
    if len(names) == 1 and pages:
        return f"Reading {'page' if len(pages) == 1 else 'pages'} {_as_ranges(pages)} of {names.pop()}"
    passages = "1 passage" if len(evidence) == 1 else f"{len(evidence)} passages"
    return f"Reading {passages} of {len(names)} documents" if len(names) > 1 else f"Reading {passages}"


def _as_ranges(pages: Sequence[int]) -> str:
    """Ascending numbers as "3, 12–14"."""
    ranges: list[list[int]] = []
    for page in pages:
        if ranges and page == ranges[-1][-1] + 1:
            ranges[-1] = [ranges[-1][0], page]
        else:
            ranges.append([page])
    return ", ".join("–".join(map(str, ends)) for ends in ranges)


def report_interrupt(run_id: str, sub_questions: Sequence[str]) -> None:
    """Say that the run ends here, until somebody approves the plan."""
    listed = "\n".join(f"- {question}" for question in sub_questions)
    value = PlanValue(sub_questions=list(sub_questions)).model_dump()
    get_stream_writer()({"type": "interrupt", "content": listed, "id": run_id, "value": value})


@contextmanager
def timed(state: RunState, stage: str) -> Iterator[dict[str, float]]:
    """Give the run's timings with the milliseconds of this block under `stage`, complete when the block ends."""
    timings = dict(state.get("timings_ms") or {})
    started = perf_counter()
    try:
        with span(stage):
            yield timings
    finally:
        timings[stage] = round((perf_counter() - started) * 1000, 2)


def recall(state: RunState) -> tuple[Turn, ...]:
    """The conversation so far: what the caller sent along, then what the thread remembers."""
    remembered = tuple(
        Turn(question=turn["question"], answer=turn["answer"]["answer"]) for turn in state["turns"]
    )
    return state["history"] + remembered


def collect_degraded(*sources: Sequence[str]) -> list[str]:
    """Each reason once, in the order in which they came up."""
    return list(dict.fromkeys(reason for source in sources for reason in source))


async def check(draft: Draft, state: RunState, deps: AgentDeps) -> dict[str, Any]:
    """Check every quote of a draft against the stored text and give the agent's result, with what to ask next."""
    if draft.quotes:
        count = len(draft.quotes)
        report_status("Checking 1 quote" if count == 1 else f"Checking {count} quotes")
    with timed(state, "verify") as timings:
        verified = await deps.in_pool(verify, draft, text_of=deps.store.document_text)
    with timed(state, "suggest") as suggesting:
        suggestions = await deps.in_pool(_suggest, draft, verified, state)
    result = {
        "answer": verified.answer,
        "citations": [citation.model_dump(mode="json") for citation in verified.citations],
        "coverage": draft.coverage.model_dump() if draft.coverage is not None else None,
        "mode": draft.mode,
        "model": draft.model,
        "refused": draft.refused,
        "suggestions": suggestions,
        "nearest": [_as_passage(hit) for hit in draft.nearest],
        "evidence": [_as_passage(hit) for hit in draft.evidence],
        "degraded": collect_degraded(state.get("degraded") or [], draft.degraded),
        "timings_ms": timings | suggesting,
    }
    return {"result": result}


def _suggest(draft: Draft, verified: Verified, state: RunState) -> list[str]:
    if draft.refused:
        return []
    asked = [*(turn.question for turn in recall(state)), state["standalone"], state["question"]]
    return suggest(asked, verified.answer, draft.evidence or _cited(draft), verified.citations)


def _cited(draft: Draft) -> Evidence:
    """What a summary cites, where it does not tell all that it has read."""
    chunks = {quote.chunk.chunk_id: Hit(quote.chunk, quote.score, None, None) for quote in draft.quotes}
    return tuple(chunks.values())


def _as_passage(hit: Hit) -> dict[str, Any]:
    chunk = hit.chunk
    return PassageInfo(
        document_id=chunk.document_id,
        document_name=chunk.document_name,
        chunk_id=chunk.chunk_id,
        page=chunk.page,
        char_start=chunk.char_start,
        char_end=chunk.char_end,
        score=hit.score,
    ).model_dump()
