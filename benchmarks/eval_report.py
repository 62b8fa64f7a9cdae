"""Shows the results of an evaluation: tables to read, one plot, and the flat figures that the gate judges."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from benchmarks.answer_quality import ANSWERABLE, AnswerResult
from benchmarks.excerpt_quality import ExcerptResult
from benchmarks.follow_up_quality import FollowUpResult
from benchmarks.judge import JudgeResult
from benchmarks.report import Cell, Table, new_figure
from benchmarks.research_coverage import CoverageResult
from benchmarks.retrieval_quality import SYSTEM, RetrievalResult
from benchmarks.routing_quality import RoutingResult
from benchmarks.sample_quality import SampleResult
from benchmarks.summary_quality import SummaryResult

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


class Measured(Protocol):
    """A part of an evaluation that the gate can judge."""

    def figures(self) -> dict[str, float]: ...


@dataclass
class EvaluationResults:
    """What was measured; a part that was not chosen or has no data is None or empty."""

    samples: SampleResult | None = None
    follow_ups: FollowUpResult | None = None
    routing: RoutingResult | None = None
    judged: JudgeResult | None = None
    retrieval: list[RetrievalResult] = field(default_factory=list)
    excerpts: ExcerptResult | None = None
    answers: AnswerResult | None = None
    coverage: list[CoverageResult] = field(default_factory=list)
    summaries: SummaryResult | None = None

    @property
    def can_be_drawn(self) -> bool:
        return bool(self.retrieval or self.samples)

    def figures(self) -> dict[str, float]:
        parts: list[Measured | None] = [self.samples, self.follow_ups, self.routing, self.judged]
        parts += self.retrieval
        parts += [self.excerpts, self.answers, *self.coverage, self.summaries]
        return {name: value for part in parts if part for name, value in part.figures().items()}

    def as_json(self) -> dict[str, Any]:
        return {"figures": self.figures(), **asdict(self)}


def make_tables(results: EvaluationResults) -> Iterator[Table]:
    if results.samples:
        yield _show_samples(results.samples)
        yield _show_misses("Samples: questions that went wrong", results.samples.misses)
    if results.follow_ups:
        yield _show_follow_ups(results.follow_ups)
        yield _show_misses("Follow-ups that found something else", results.follow_ups.misses)
    if results.routing:
        yield _show_routing(results.routing)
        yield _show_misses("Routing: questions that went wrong", results.routing.misses)
    if results.judged:
        yield _show_judged(results.judged)
    if results.retrieval:
        yield _show_retrieval(results.retrieval)
    if results.excerpts:
        yield _show_excerpts(results.excerpts)
    if results.answers:
        yield from _show_answers(results.answers)
    if results.coverage:
        yield _show_coverage(results.coverage)
    if results.summaries:
        yield _show_summaries(results.summaries)


def draw(results: EvaluationResults) -> Figure:
    """Left what is found, by method and set; right what is answered as the needed confidence grows."""
    panels = [_draw_recall if results.retrieval else _draw_samples]
    if results.answers:
        panels.append(_draw_curves)
    figure = new_figure(len(panels), height=max(4.5, 0.55 * len(results.retrieval)))
    for axes, panel in zip(figure.axes, panels, strict=True):
        panel(axes, results)
    return figure


def _show_samples(result: SampleResult) -> Table:
    title = f"Samples ({result.answerable} questions with an answer, {result.unanswerable} without, mode {result.mode})"
    rows: list[list[Cell]] = [
        [name.removeprefix("samples.").replace("_", " "), value] for name, value in result.figures().items()
    ]
    return Table(title, ("figure", "value"), [*rows, ["ask p50 ms", result.ask_p50_ms]])


def _show_misses(title: str, misses: tuple[str, ...]) -> Table:
    return Table(title, (f"{len(misses)} of them",), [[miss] for miss in misses])


def _show_follow_ups(result: FollowUpResult) -> Table:
    rows: list[list[Cell]] = [
        ["found, made to stand alone", result.found],
        ["found as asked", result.as_asked],
    ]
    title = f"Follow-ups ({result.findable} of {result.questions}, whose full question finds its place)"
    return Table(title, ("figure", "share"), rows)


def _show_routing(result: RoutingResult) -> Table:
    rows: list[list[Cell]] = [[agent, accuracy] for agent, accuracy in result.by_agent.items()]
    title = f"Routing ({result.questions} questions, p50 {result.route_p50_ms:.2f} ms)"
    return Table(title, ("agent", "accuracy"), [*rows, ["all", result.accuracy]])


def _show_judged(result: JudgeResult) -> Table:
    rows: list[list[Cell]] = [
        [f"our answers it calls correct, of {result.judged}", result.correct],
        [f"agreement with people, on {result.calibrated} answers", result.agreement],
        ["… beyond chance (Cohen's kappa)", result.kappa],
        ["answers it could not grade", result.failed],
    ]
    return Table(f"Answers to the samples, as {result.model} judges them", ("figure", "value"), rows)


def _show_retrieval(results: list[RetrievalResult]) -> Table:
    """The ratio compares nDCG@10 with the best of the simple methods on that set."""
    rows: list[list[Cell]] = []
    for result in results:
        simple = {name: scores.ndcg_at_10 for name, scores in result.methods.items() if name != SYSTEM}
        for name, scores in result.methods.items():
            ratio = scores.ndcg_at_10 / max(simple.values()) if name == SYSTEM else None
            measured = [scores.recall_at_5, scores.recall_at_10, scores.mrr_at_10, scores.ndcg_at_10]
            p50 = result.search_p50_ms if name == SYSTEM else None
            rows.append([result.name, name, scores.queries, *measured, ratio, p50])
    columns = (
        "set",
        "method",
        "queries",
        "R@5",
        "R@10",
        "MRR@10",
        "nDCG@10",
        "to the best simple",
        "search p50 ms",
    )
    return Table("Retrieval", columns, rows)


def _show_excerpts(result: ExcerptResult) -> Table:
    rows: list[list[Cell]] = [
        [f"first {depth}", result.recall[depth], result.precision[depth]] for depth in result.recall
    ]
    title = f"Excerpts ({result.questions} questions, {result.lost} excerpts lost in storing)"
    return Table(title, ("chunks", "wanted characters found", "found characters wanted"), rows)


def _show_answers(result: AnswerResult) -> Iterator[Table]:
    rows: list[list[Cell]] = [
        ["answer contains a reference answer", result.contains],
        ["… of those answered", result.contains_when_answered],
        ["cites the judged paragraph", result.cites],
        ["words in an answer", result.words_per_answer],
        ["ask p50 ms", result.ask_p50_ms],
    ]
    yield Table(f"Answers on squad2 (mode {result.mode})", ("figure", "value"), rows)
    kinds: list[list[Cell]] = [
        [kind, count, result.refused[kind], result.separation.get(kind)]
        for kind, count in result.questions.items()
    ]
    yield Table("Refusals", ("questions", "asked", "refused", "separation from answerable"), kinds)


def _show_coverage(results: list[CoverageResult]) -> Table:
    rows: list[list[Cell]] = [
        [one.name, one.questions, one.research, one.search, one.chunks_read, one.p50_ms] for one in results
    ]
    columns = ("set", "questions", "all read by research", "by one search", "chunks read", "ask p50 ms")
    return Table("Research: questions of which everything needed was read", columns, rows)


def _show_summaries(result: SummaryResult) -> Table:
    rows: list[list[Cell]] = [
        ["ROUGE-L with the best reference", result.rouge],
        ["… of every second question, not tuned on", result.held_out],
        ["… of the story's first 240 words", result.lead],
        ["words in a summary", result.words],
        ["summaries that had read the whole story", result.read],
        ["ask p50 ms", result.p50_ms],
    ]
    return Table(f"Summaries for {result.questions} questions (squality)", ("figure", "value"), rows)


def _draw_recall(axes: Axes, results: EvaluationResults) -> None:
    methods = list(results.retrieval[0].methods)
    height = 0.8 / len(methods)
    for offset, method in enumerate(methods):
        places = [row + (offset - len(methods) / 2 + 0.5) * height for row in range(len(results.retrieval))]
        values = [result.methods[method].recall_at_10 for result in results.retrieval]
        axes.barh(places, values, height, label=method)
    axes.set_yticks(range(len(results.retrieval)), [result.name for result in results.retrieval])
    axes.invert_yaxis()
    axes.set(title="Relevant documents or pages among the first ten", xlabel="R@10", xlim=(0, 1))
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=len(methods))


def _draw_samples(axes: Axes, results: EvaluationResults) -> None:
    figures = {name: value for name, value in results.figures().items() if name.startswith("samples.")}
    axes.barh([name.removeprefix("samples.") for name in figures], list(figures.values()))
    axes.invert_yaxis()
    axes.set(title="Sample documents", xlim=(0, 1))


def _draw_curves(axes: Axes, results: EvaluationResults) -> None:
    assert results.answers is not None
    for kind, curve in results.answers.curves.items():
        refused = [1 - unanswerable for _, unanswerable in curve]
        axes.plot(refused, [answerable for answerable, _ in curve], label=f"reader, {kind}")
        point = (results.answers.refused[kind], 1 - results.answers.refused[ANSWERABLE])
        axes.plot(*point, "o", color=axes.lines[-1].get_color(), label=f"as configured, {kind}")
    axes.set(
        title="Refusing the unanswerable, answering the answerable (squad2)",
        xlabel="unanswerable questions refused",
        ylabel="answerable questions answered",
        xlim=(0, 1.02),
        ylim=(0, 1.02),
    )
    axes.legend(loc="lower left")
