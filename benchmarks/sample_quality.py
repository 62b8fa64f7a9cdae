"""Questions about the documents that the project ships, through search and through the router."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from textwrap import shorten
from time import perf_counter
from typing import Any

from app.api.services import Services
from app.knowledge.records import Hit
from app.runs import RunRequest
from app.schemas import Answer, Citation
from benchmarks.datasets import PROJECT, Source
from benchmarks.judge import ToGrade
from benchmarks.metrics import contains_text, mean
from benchmarks.service import index_sources, say

DEPTH = 10

_EXAMPLES = PROJECT / "examples"


@dataclass(frozen=True)
class Expectation:
    """A question about the samples; without `answer` none of them answers it."""

    question: str
    answer: str | None = None
    document: str | None = None
    page: int | None = None

    def is_met_at(self, document: str, page: int | None) -> bool:
        return document == self.document and self.page in (None, page)


@dataclass(frozen=True)
class SampleResult:
    """Shares of the questions, except the two about quotes: shares of all citations. `misses` says what went wrong."""

    answerable: int
    unanswerable: int
    hit_at_1: float
    hit_at_5: float
    mrr_at_10: float
    answer_contains: float
    cites_place: float
    citations: int
    quotes_verified: float
    quotes_literal: float
    refused_unanswerable: float
    answered_answerable: float
    ask_p50_ms: float
    mode: str
    misses: tuple[str, ...]
    given: tuple[ToGrade, ...]
    """The answers to questions that have one, for whoever grades them."""

    def figures(self) -> dict[str, float]:
        kept_out = ("answerable", "unanswerable", "citations", "ask_p50_ms")
        numbers = {name: value for name, value in vars(self).items() if isinstance(value, float | int)}
        return {f"samples.{name}": value for name, value in numbers.items() if name not in kept_out}


@dataclass(frozen=True)
class _Asked:
    expectation: Expectation
    rank: int | None
    answer: Answer
    elapsed_ms: float

    @property
    def contains(self) -> bool:
        wanted = self.expectation.answer
        return not self.answer.refused and wanted is not None and contains_text(self.answer.answer, wanted)

    @property
    def cites_place(self) -> bool:
        return any(self.expectation.is_met_at(c.document_name, c.page) for c in self.answer.citations)


async def evaluate_samples(services: Services) -> SampleResult:
    """Index the samples into an empty service and ask the questions that are stored beside them."""
    index_samples(services)
    expectations = load_expectations()
    say(f"samples: asking {len(expectations)} questions")
    return _summarise([await _ask(expectation, services) for expectation in expectations], services)


def index_samples(services: Services) -> None:
    sources = [
        Source(path.name, path.name, path=path) for path in sorted((_EXAMPLES / "documents").iterdir())
    ]
    say(f"samples: indexing {len(sources)} documents")
    indexed = index_sources(services, sources)
    assert not indexed.failed, [document.error for document in indexed.documents]


def load_expectations() -> list[Expectation]:
    stored = json.loads((_EXAMPLES / "questions.json").read_text(encoding="utf-8"))
    return [Expectation(**entry) for kind in ("answerable", "unanswerable") for entry in stored[kind]]


async def _ask(expectation: Expectation, services: Services) -> _Asked:
    hits = services.knowledge.retriever.search(expectation.question, k=DEPTH).hits
    started = perf_counter()
    answer = await services.runner.run(RunRequest(expectation.question))
    return _Asked(expectation, _rank(expectation, hits), answer, (perf_counter() - started) * 1000)


def _rank(expectation: Expectation, hits: Sequence[Hit]) -> int | None:
    places = enumerate(hits, start=1)
    return next(
        (n for n, hit in places if expectation.is_met_at(hit.chunk.document_name, hit.chunk.page)), None
    )


def _summarise(asked: Sequence[_Asked], services: Services) -> SampleResult:
    answerable = [one for one in asked if one.expectation.answer is not None]
    unanswerable = [one for one in asked if one.expectation.answer is None]
    citations = [citation for one in asked for citation in one.answer.citations]
    return SampleResult(
        answerable=len(answerable),
        unanswerable=len(unanswerable),
        hit_at_1=_share(one.rank == 1 for one in answerable),
        hit_at_5=_share(one.rank is not None and one.rank <= 5 for one in answerable),
        mrr_at_10=mean(1 / one.rank if one.rank else 0.0 for one in answerable),
        answer_contains=_share(one.contains for one in answerable),
        cites_place=_share(one.cites_place for one in answerable),
        citations=len(citations),
        quotes_verified=_share(citation.verified for citation in citations),
        quotes_literal=_share(_stands_literally(citation, services) for citation in citations),
        refused_unanswerable=_share(one.answer.refused for one in unanswerable),
        answered_answerable=_share(not one.answer.refused for one in answerable),
        ask_p50_ms=median(one.elapsed_ms for one in asked),
        mode=asked[0].answer.mode,
        misses=tuple(_describe_miss(one) for one in asked if not _is_right(one)),
        given=tuple(
            ToGrade(one.expectation.question, one.expectation.answer or "", one.answer.answer)
            for one in answerable
        ),
    )


def _share(outcomes: Iterable[Any]) -> float:
    return mean(float(outcome) for outcome in outcomes)


def _stands_literally(citation: Citation, services: Services) -> bool:
    """Looked up here again, so that the service is not asked to confirm itself."""
    text = services.knowledge.store.document_text(citation.document_id)
    return text[citation.char_start : citation.char_end] == citation.quote


def _is_right(asked: _Asked) -> bool:
    if asked.expectation.answer is None:
        return asked.answer.refused
    return asked.contains and asked.cites_place


def _describe_miss(asked: _Asked) -> str:
    if asked.expectation.answer is None:
        return f"{asked.expectation.question} — answered, though the samples do not say"
    if asked.answer.refused:
        return f"{asked.expectation.question} — refused; expected {asked.expectation.answer!r}"
    if not asked.contains:
        got = shorten(asked.answer.answer, 120, placeholder=" …")
        return f"{asked.expectation.question} — expected {asked.expectation.answer!r}, got {got!r}"
    return f"{asked.expectation.question} — answered from another place than {asked.expectation.document}"
