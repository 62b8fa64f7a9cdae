"""What of an evaluation is kept for the server: the figures, their thresholds, and what the plots are drawn from."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any, Literal

from app.evaluations import name_evaluation
from app.schemas import EvaluatedSet, Evaluation, RankingFigures, RefusalCurve
from benchmarks.answer_quality import ANSWERABLE, AnswerResult
from benchmarks.eval_report import EvaluationResults
from benchmarks.gate import Verdict


def as_record(
    results: EvaluationResults,
    verdict: Verdict,
    *,
    machine: Mapping[str, Any],
    configuration: Mapping[str, Any],
    profile: Literal["quick", "full"],
    seconds: float,
) -> Evaluation:
    moment = datetime.fromisoformat(machine["date"])
    return Evaluation(
        name=name_evaluation(moment, profile),
        created_at=moment,
        profile=profile,
        seconds=seconds,
        embedding_model=configuration["embedding_model"],
        chat_model=configuration["chat_model"],
        commit=machine["commit"],
        compared=verdict.compared,
        failed=len(verdict.failures),
        machine=f"{machine['processor']}, {machine['cores']} cores",
        sets=list(_sets(results)),
        figures=results.figures(),
        thresholds=dict(verdict.thresholds),
        rankings=list(_rankings(results)),
        refusals=list(_refusals(results.answers)) if results.answers else [],
    )


def _sets(results: EvaluationResults) -> Iterator[EvaluatedSet]:
    if samples := results.samples:
        yield EvaluatedSet(name="samples", questions=samples.answerable + samples.unanswerable)
    if results.follow_ups:
        yield EvaluatedSet(name="follow-ups", questions=results.follow_ups.questions)
    if results.routing:
        yield EvaluatedSet(name="routing", questions=results.routing.questions)
    for result in results.retrieval:
        questions = max(scores.queries for scores in result.methods.values())
        yield EvaluatedSet(name=result.name, questions=questions, documents=result.sources)
    if results.answers:
        yield EvaluatedSet(name="squad2, answered", questions=sum(results.answers.questions.values()))
    for coverage in results.coverage:
        yield EvaluatedSet(name=f"{coverage.name}, researched", questions=coverage.questions)
    if results.excerpts:
        yield EvaluatedSet(name="chunking_eval", questions=results.excerpts.questions)
    if results.summaries:
        yield EvaluatedSet(name="squality", questions=results.summaries.questions)


def _rankings(results: EvaluationResults) -> Iterator[RankingFigures]:
    for result in results.retrieval:
        for method, scores in result.methods.items():
            measured = {name: value for name, value in asdict(scores).items() if name != "queries"}
            yield RankingFigures(set_name=result.name, method=method, **measured)


def _refusals(result: AnswerResult) -> Iterator[RefusalCurve]:
    for kind, curve in result.curves.items():
        yield RefusalCurve(
            kind=kind,
            points=[(1 - unanswerable, answerable) for answerable, unanswerable in curve],
            configured=(result.refused[kind], 1 - result.refused[ANSWERABLE]),
        )
