"""Whether the research agent reads everything that a question needs: all its paragraphs, or all its filings."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from time import perf_counter

from app.api.services import Services
from app.runs import RunRequest
from benchmarks.datasets import RetrievalSet
from benchmarks.metrics import mean
from benchmarks.service import Indexed, say

RESEARCHED = {"musique100": "", "hotpotqa100": "", "sec10q": "Multi-Doc RAG"}
"""The sets whose questions need several documents, and of which kind they are there; "" means all."""


@dataclass(frozen=True)
class CoverageResult:
    """`research` and `search` are shares of the questions of which all was among what was read.

    `search` reads as many of the best chunks as the research has read for the same question.
    """

    name: str
    questions: int
    research: float
    search: float
    chunks_read: float
    p50_ms: float

    def figures(self) -> dict[str, float]:
        return {f"{self.name}.research_coverage": self.research}


async def evaluate_coverage(data: RetrievalSet, indexed: Indexed, services: Services) -> CoverageResult:
    """Research every question of a set that is indexed already."""
    kind = RESEARCHED[data.name]
    queries = [query for query in data.queries if kind in ("", query.kind)]
    judged = data.judgements[data.name]
    say(f"{data.name}: researching {len(queries)} questions")
    covered: list[float] = []
    searched: list[float] = []
    sizes: list[float] = []
    latencies: list[float] = []
    for query in queries:
        started = perf_counter()
        answer = await services.runner.run(RunRequest(query.question, agent="research"))
        latencies.append((perf_counter() - started) * 1000)
        read = [passage.document_id for passage in answer.evidence]
        hits = services.knowledge.retriever.search(query.question, k=max(1, len(read))).hits
        best = [hit.chunk.document_id for hit in hits]
        wanted = judged[query.query_id]
        for shares, ids in ((covered, read), (searched, best)):
            shares.append(float(wanted <= {key for document_id in ids for key in indexed.keys[document_id]}))
        sizes.append(float(len(read)))
    return CoverageResult(
        data.name, len(queries), mean(covered), mean(searched), mean(sizes), median(latencies)
    )
