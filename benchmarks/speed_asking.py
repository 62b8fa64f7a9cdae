"""A whole run, from the question to the checked answer, on the sample documents."""

from __future__ import annotations

from app.api.services import Services
from app.runs import RunRequest
from benchmarks.sample_quality import load_expectations
from benchmarks.timing import Measurement, in_ms, spread_ms, time_async_in_turn


async def measure_asking(services: Services, *, repetitions: int) -> Measurement:
    """Ask in demo mode, beside the search alone; the samples are indexed already."""
    questions = [expectation.question for expectation in load_expectations()]
    retriever, top_k = services.knowledge.retriever, services.settings.top_k
    asked, searched = await time_async_in_turn(
        lambda turn: services.runner.run(RunRequest(questions[turn % len(questions)], mode="demo")),
        lambda turn: retriever.search(questions[turn % len(questions)], k=top_k),
        repetitions,
    )
    return Measurement(
        name="ask, demo mode",
        unit="ms",
        value=in_ms(asked),
        baseline=in_ms(searched),
        baseline_name="search for the same questions",
        details={"ours": spread_ms(asked), "bare": spread_ms(searched)},
    )
