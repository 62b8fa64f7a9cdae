"""`make eval`: the quality of retrieval and answers, as tables, JSON and a plot. Exit code 1 below the baseline."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from time import perf_counter
from typing import Any

from app.evaluations import FOLDER, Evaluations
from app.schemas import Evaluation
from app.settings import Settings, load_settings
from benchmarks.answer_quality import evaluate_answers
from benchmarks.datasets import (
    RETRIEVAL_SETS,
    find_evaluation_data,
    load_excerpt_set,
    load_retrieval_set,
    shrink,
)
from benchmarks.eval_record import as_record
from benchmarks.eval_report import EvaluationResults, draw, make_tables
from benchmarks.excerpt_quality import evaluate_excerpts
from benchmarks.follow_up_quality import evaluate_follow_ups
from benchmarks.gate import Verdict, compare, load_baseline
from benchmarks.html_report import write_html
from benchmarks.judge import evaluate_by_judge, load_graded
from benchmarks.report import describe_machine, save_figure, write_json
from benchmarks.research_coverage import RESEARCHED, evaluate_coverage
from benchmarks.retrieval_quality import evaluate_retrieval
from benchmarks.routing_quality import evaluate_routing
from benchmarks.sample_quality import evaluate_samples
from benchmarks.service import open_temporary_service, say
from benchmarks.summary_quality import SUMMARIES, evaluate_summaries

SAMPLES = "samples"
EXCERPTS = "chunking_eval"
ANSWERED = "squad2"
"""The one set whose questions are also answered: half of them have no answer in its paragraphs."""
ALL_SETS = (SAMPLES, *RETRIEVAL_SETS, EXCERPTS, SUMMARIES)
QUICK_SETS = (SAMPLES, "squad2", "cranfield", "hotpotqa100")

_QUICK_SOURCES, _QUICK_QUERIES, _QUICK_ANSWERS = 250, 100, 40
_FULL_ANSWERS = 250
_GRADED = 96


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, show, write and judge; the exit code is 1 when a figure is below its threshold."""
    chosen = _parse(arguments)
    started = perf_counter()
    settings = load_settings()
    machine, configuration = describe_machine(), describe_configuration(settings)
    results = asyncio.run(_measure(chosen.sets, quick=chosen.quick))
    about: dict[str, Any] = {
        "machine": machine,
        "configuration": configuration,
        "profile": "quick" if chosen.quick else "full",
        "seconds": round(perf_counter() - started, 1),
    }
    payload = about | results.as_json()
    tables = list(make_tables(results))
    if chosen.json:
        print(json.dumps(payload, indent=2, ensure_ascii=False))
    else:
        print("\n".join(table.render() for table in tables))
    say(f"Took {about['seconds']} s; written to {write_json('eval', payload)}")
    picture = save_figure(draw(results), "eval") if results.can_be_drawn else None
    page = write_html(
        "eval", "Quality of retrieval and answers", tables, facts=configuration | machine, picture=picture
    )
    say(f"and, to look at, {page}")
    verdict = _judge(results.figures(), configuration, chosen)
    _keep(as_record(results, verdict, **about), settings)
    return 1 if verdict.failures else 0


def describe_configuration(settings: Settings) -> dict[str, Any]:
    """The two models that the figures stand and fall with."""
    chat_model = None if settings.demo_mode else settings.effective_chat_model
    return {"embedding_model": settings.effective_embedding_model, "chat_model": chat_model}


async def _measure(sets: Sequence[str], *, quick: bool) -> EvaluationResults:
    results = EvaluationResults()
    folder = find_evaluation_data()
    if SAMPLES in sets:
        async with open_temporary_service() as services:
            results.samples = await evaluate_samples(services)
            results.follow_ups = await evaluate_follow_ups(services)
            results.routing = await evaluate_routing(services)
            if services.chat_model is not None:
                graded = load_graded(folder, most=_GRADED) if folder else []
                results.judged = await evaluate_by_judge(services.chat_model, graded, results.samples.given)
    if folder is None:
        say(
            "There is no evaluation data at $LLMOPS_EVALDATA or ../shared/evaldata: only the samples are measured."
        )
        return results
    for name in (name for name in RETRIEVAL_SETS if name in sets):
        await _measure_retrieval(name, folder, results, quick=quick)
    if EXCERPTS in sets:
        async with open_temporary_service() as services:
            results.excerpts = evaluate_excerpts(load_excerpt_set(folder), services)
    if SUMMARIES in sets:
        async with open_temporary_service() as services:
            results.summaries = await evaluate_summaries(folder, services)
    return results


async def _measure_retrieval(name: str, folder: Path, results: EvaluationResults, *, quick: bool) -> None:
    """Each set has a service of its own, so that its figures do not depend on the other sets."""
    data = load_retrieval_set(name, folder)
    if quick:
        data = shrink(data, sources=_QUICK_SOURCES, queries=_QUICK_QUERIES)
    async with open_temporary_service() as services:
        found, indexed = evaluate_retrieval(data, services)
        results.retrieval.extend(found)
        if name == ANSWERED:
            questions = _QUICK_ANSWERS if quick else _FULL_ANSWERS
            results.answers = await evaluate_answers(data, indexed, services, folder, questions=questions)
        if name in RESEARCHED:
            results.coverage.append(await evaluate_coverage(data, indexed, services))


def _keep(record: Evaluation, settings: Settings) -> None:
    """Where the server finds it; that it cannot be kept there costs nothing of what was measured."""
    try:
        kept = Evaluations(settings.data_dir / FOLDER).keep(record)
    except OSError as error:
        say(f"Not kept for the user interface: {error}")
    else:
        say(f"and, for the page Evaluation of the user interface, {kept}")


def _judge(figures: dict[str, float], configuration: dict[str, Any], chosen: argparse.Namespace) -> Verdict:
    verdict = compare(
        figures,
        load_baseline(),
        profile="quick" if chosen.quick else "full",
        configuration=configuration,
        samples=SAMPLES in chosen.sets,
    )
    if verdict.skipped:
        say(f"Not judged: {verdict.skipped}.")
        return verdict
    for failure in verdict.failures:
        say(f"FAILED: {failure}")
    say(
        f"{verdict.compared - len(verdict.failures)} of {verdict.compared} thresholds of baseline.json are met."
    )
    return verdict


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.eval", description=__doc__)
    parser.add_argument(
        "--sets", nargs="+", choices=ALL_SETS, metavar="SET", help=f"of {', '.join(ALL_SETS)}"
    )
    parser.add_argument(
        "--quick", action="store_true", help="smaller sets, in under two minutes; other thresholds"
    )
    parser.add_argument("--json", action="store_true", help="print the JSON instead of the tables")
    chosen = parser.parse_args(arguments)
    chosen.sets = chosen.sets or (QUICK_SETS if chosen.quick else ALL_SETS)
    return chosen


if __name__ == "__main__":
    raise SystemExit(main())
