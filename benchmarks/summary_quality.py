"""How near summaries for a question come to what people wrote for it, on the stories of SQuALITY."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

from app.api.services import Services
from app.runs import RunRequest
from app.schemas import Answer
from benchmarks.datasets import Query, Source, load_questions, load_sources
from benchmarks.metrics import mean, rouge_l
from benchmarks.service import index_sources, say

SUMMARIES = "squality"
_LEAD_WORDS = 240
"""As many as people write; what a summary has to be better than."""


@dataclass(frozen=True)
class SummaryResult:
    """ROUGE-L with the best of a question's references, markers left out: an alarm, not a grade.

    `held_out` is over every second question, on which nothing was tuned; `lead` is that of a story's first 240 words;
    `read` the share of summaries that had read every chunk of the story.
    """

    questions: int
    rouge: float
    held_out: float
    lead: float
    words: float
    read: float
    p50_ms: float

    def figures(self) -> dict[str, float]:
        return {"squality.rouge_l": self.rouge, "squality.read": self.read}


async def evaluate_summaries(folder: Path, services: Services) -> SummaryResult:
    """Summarise each story for each of its questions, in a service that is empty before."""
    sources = {source.key: source for source in load_sources(SUMMARIES, folder)}
    indexed = index_sources(services, list(sources.values()))
    stories = {key: document_id for document_id, keys in indexed.keys.items() for key in keys}
    queries = load_questions(SUMMARIES, folder)
    say(f"{SUMMARIES}: summarising for {len(queries)} questions")
    chunks = {info.document_id: info.chunks for info in indexed.documents}
    scores: list[float] = []
    leads: list[float] = []
    answers: list[Answer] = []
    latencies: list[float] = []
    read: list[float] = []
    for query, key in zip(queries, _story_keys(folder), strict=True):
        started = perf_counter()
        document_id = stories[key]
        request = RunRequest(query.question, agent="summarize", document_ids=[document_id])
        answers.append(await services.runner.run(request))
        latencies.append((perf_counter() - started) * 1000)
        scores.append(_best(answers[-1].answer, query))
        leads.append(_best(_lead(sources[key]), query))
        coverage = answers[-1].coverage
        read.append(float(coverage is not None and coverage.chunks_read == chunks[document_id]))
    return SummaryResult(
        questions=len(queries),
        rouge=mean(scores),
        held_out=mean(scores[1::2]),
        lead=mean(leads),
        words=mean(float(len(_plain(answer.answer).split())) for answer in answers),
        read=mean(read),
        p50_ms=median(latencies),
    )


def _story_keys(folder: Path) -> Sequence[str]:
    lines = (folder / SUMMARIES / "queries.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line)["doc"] for line in lines]


def _best(text: str, query: Query) -> float:
    return max(rouge_l(_plain(text), reference) for reference in query.answers)


def _plain(text: str) -> str:
    return re.sub(r"\[\d+\]", "", text)


def _lead(source: Source) -> str:
    return " ".join((source.text or "").split()[:_LEAD_WORDS])
