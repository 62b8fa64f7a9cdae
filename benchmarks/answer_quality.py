"""Whether answers hold what was asked for, and whether questions without an answer are refused."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from app.api.services import Services
from app.chains.evidence import read_passages
from app.models.reader import Reader
from app.runs import RunRequest
from app.schemas import Answer
from benchmarks.datasets import Query, RetrievalSet, evenly, load_questions
from benchmarks.metrics import contains_answer, mean, refusal_curve, separation
from benchmarks.service import Indexed, say
from server import build_reader

FOREIGN_SETS = ("cranfield", "hotpotqa100", "musique100", "sec10q", "financebench")
"""Where questions about something else come from. XQuAD's articles are among SQuAD's, so it would not do."""

ANSWERABLE, LOOKALIKE, FOREIGN = "answerable", "look-alike", "other corpus"


@dataclass(frozen=True)
class Asked:
    """One question with what the service said; `confidence` is that of the extractive reader on the same evidence."""

    query: Query
    answer: Answer
    confidence: float
    elapsed_ms: float


@dataclass(frozen=True)
class AnswerResult:
    """`contains` is over all answerable questions, refused ones included; `cites` likewise, the judged paragraph.

    `separation` is the chance that the reader is surer of an answerable question than of one of that kind;
    `curves` holds shares answered, of the answerable and of that kind, as the needed confidence grows.
    """

    questions: dict[str, int]
    contains: float
    contains_when_answered: float
    cites: float
    words_per_answer: float
    refused: dict[str, float]
    separation: dict[str, float]
    curves: dict[str, list[tuple[float, float]]]
    ask_p50_ms: float
    mode: str

    def figures(self) -> dict[str, float]:
        return {
            "squad2.answer_contains": self.contains,
            "squad2.answer_cites": self.cites,
            "squad2.answered_answerable": 1 - self.refused[ANSWERABLE],
            "squad2.refused_look_alike": self.refused[LOOKALIKE],
            "squad2.refused_other_corpus": self.refused[FOREIGN],
        }


async def evaluate_answers(
    data: RetrievalSet, indexed: Indexed, services: Services, folder: Path, *, questions: int
) -> AnswerResult:
    """Ask up to `questions` of each kind of a service in which SQuAD's paragraphs are indexed already."""
    kinds = {
        ANSWERABLE: evenly(data.queries, questions),
        LOOKALIKE: evenly(load_questions(data.name, folder, kind="unanswerable"), questions),
        FOREIGN: evenly(
            [query for name in FOREIGN_SETS for query in load_questions(name, folder)], questions
        ),
    }
    reader = build_reader(services.settings, services.embedding_model)
    asked = {}
    for kind, queries in kinds.items():
        say(f"{data.name}: asking {len(queries)} questions of kind {kind!r}")
        asked[kind] = [await _ask(query, services, reader) for query in queries]
    return _summarise(asked, indexed, data.judgements[data.name])


async def _ask(query: Query, services: Services, reader: Reader) -> Asked:
    started = perf_counter()
    answer = await services.runner.run(RunRequest(query.question, agent="qa"))
    elapsed_ms = (perf_counter() - started) * 1000
    hits = services.knowledge.retriever.search(query.question, k=services.settings.top_k).hits
    confidence = reader.read(query.question, read_passages(hits)).confidence
    return Asked(query, answer, confidence, elapsed_ms)


def _summarise(
    asked: Mapping[str, Sequence[Asked]], indexed: Indexed, judged: Mapping[str, frozenset[str]]
) -> AnswerResult:
    answerable = asked[ANSWERABLE]
    answered = [one for one in answerable if not one.answer.refused]
    confidences = {kind: [one.confidence for one in several] for kind, several in asked.items()}
    others = [kind for kind in asked if kind != ANSWERABLE]
    return AnswerResult(
        questions={kind: len(several) for kind, several in asked.items()},
        contains=mean(float(_holds_answer(one)) for one in answerable),
        contains_when_answered=mean(float(_holds_answer(one)) for one in answered),
        cites=mean(float(_cites(one, indexed, judged[one.query.query_id])) for one in answerable),
        words_per_answer=mean(float(len(one.answer.answer.split())) for one in answered),
        refused={kind: mean(float(one.answer.refused) for one in several) for kind, several in asked.items()},
        separation={kind: separation(confidences[ANSWERABLE], confidences[kind]) for kind in others},
        curves={kind: refusal_curve(confidences[ANSWERABLE], confidences[kind]) for kind in others},
        ask_p50_ms=median(one.elapsed_ms for one in answerable),
        mode=answerable[0].answer.mode,
    )


def _holds_answer(asked: Asked) -> bool:
    """A refusal also shows the closest passages, which do not count as an answer."""
    return not asked.answer.refused and contains_answer(asked.answer.answer, asked.query.answers)


def _cites(asked: Asked, indexed: Indexed, relevant: frozenset[str]) -> bool:
    cited = (indexed.keys[citation.document_id] for citation in asked.answer.citations)
    return any(not relevant.isdisjoint(keys) for keys in cited)
