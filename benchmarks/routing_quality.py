"""Whether unseen questions go to the right agent, and what the decision costs."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from statistics import median
from time import perf_counter

from app.api.services import Services
from app.chains.route import route
from benchmarks.datasets import PROJECT
from benchmarks.metrics import mean
from benchmarks.service import say

_QUESTIONS = PROJECT / "tests" / "fixtures" / "routing.jsonl"


@dataclass(frozen=True)
class RoutingResult:
    """`by_agent` is the accuracy over the questions that belong to each agent."""

    questions: int
    accuracy: float
    by_agent: dict[str, float]
    route_p50_ms: float
    misses: tuple[str, ...]

    def figures(self) -> dict[str, float]:
        return {"routing.accuracy": self.accuracy}


async def evaluate_routing(services: Services) -> RoutingResult:
    rows = [json.loads(line) for line in _QUESTIONS.read_text(encoding="utf-8").splitlines() if line.strip()]
    say(f"routing: {len(rows)} questions")
    outcomes, latencies = [], []
    for row in rows:
        started = perf_counter()
        chosen = await route(row["question"], model=services.chat_model)
        latencies.append((perf_counter() - started) * 1000)
        outcomes.append((row["agent"], chosen.agent, row["question"]))
    agents = Counter(wanted for wanted, _, _ in outcomes)
    return RoutingResult(
        questions=len(rows),
        accuracy=mean(float(wanted == got) for wanted, got, _ in outcomes),
        by_agent={
            agent: mean(float(got == agent) for wanted, got, _ in outcomes if wanted == agent)
            for agent in agents
        },
        route_p50_ms=median(latencies),
        misses=tuple(
            f"{question} — {got} instead of {wanted}" for wanted, got, question in outcomes if wanted != got
        ),
    )
