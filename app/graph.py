"""The router graph: make the question stand alone, choose an agent, let it work, remember the turn."""

from __future__ import annotations

from time import perf_counter
from typing import Any

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_stream_writer
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph

from app.agents import AGENTS
from app.agents.base import AgentDeps, collect_degraded, recall, timed
from app.chains.condense import condense
from app.chains.route import Route, route
from app.models.metering import current_meter
from app.schemas import AgentName, Answer
from app.state import RunInput, RunState

RESULT = "result"
"""The type of the last thing that a run streams: the complete answer."""


def build_graph(
    deps: AgentDeps, checkpointer: BaseCheckpointSaver[Any] | None = None
) -> CompiledStateGraph[RunState, None, RunInput, RunState]:
    """Wire the agents of the registry behind one router.

    Without a checkpointer nothing is remembered between runs; `langgraph dev` brings its own.
    """

    async def understand(state: RunState) -> dict[str, Any]:
        with timed(state, "condense") as timings:
            condensed = await condense(state["question"], recall(state), model=deps.model_for(state))
        return {"standalone": condensed.text, "degraded": list(condensed.degraded), "timings_ms": timings}

    async def choose_agent(state: RunState) -> dict[str, Any]:
        with timed(state, "route") as timings:
            chosen = await decide(state)
        get_stream_writer()({"type": "route", "content": "", "agent": chosen.agent, "reason": chosen.reason})
        degraded = collect_degraded(state["degraded"], chosen.degraded)
        return {
            "route": chosen.agent,
            "route_reason": chosen.reason,
            "degraded": degraded,
            "timings_ms": timings,
        }

    async def decide(state: RunState) -> Route:
        if state["agent"] != "auto":
            return Route(agent=state["agent"], reason="It was chosen beforehand.", mode="demo", degraded=())
        return await route(state["standalone"], model=deps.model_for(state))

    def chosen_agent(state: RunState) -> AgentName:
        return state["route"]

    def has_answered(state: RunState) -> str:
        return "remember" if state.get("result") else END

    async def remember(state: RunState) -> dict[str, Any]:
        complete = _complete(state).model_dump(mode="json")
        get_stream_writer()({"type": RESULT, "answer": complete})
        return {"result": complete, "turns": [{"question": state["question"], "answer": complete}]}

    graph = StateGraph(RunState, input_schema=RunInput)
    graph.add_node("understand", understand)
    graph.add_node("choose_agent", choose_agent)
    graph.add_node("remember", remember)
    graph.add_edge(START, "understand")
    graph.add_edge("understand", "choose_agent")
    graph.add_conditional_edges("choose_agent", chosen_agent, list(AGENTS))
    for name, spec in AGENTS.items():
        graph.add_node(name, spec.build(deps))
        graph.add_conditional_edges(name, has_answered, ["remember", END])
    graph.add_edge("remember", END)
    return graph.compile(checkpointer=checkpointer, name="agent")


def _complete(state: RunState) -> Answer:
    """The agent's result with what only the whole run knows."""
    meter = current_meter()
    total = round((perf_counter() - state["started"]) * 1000, 2)
    return Answer.model_validate(
        {
            **state["result"],
            "agent": state["route"],
            "route_reason": state["route_reason"],
            "run_id": state["run_id"],
            "thread_id": state["thread_id"],
            "timings_ms": {**state["result"]["timings_ms"], "total": total},
            "usage": {"input_tokens": meter.input_tokens, "output_tokens": meter.output_tokens},
        }
    )
