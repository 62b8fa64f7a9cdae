"""How well the configured retriever finds what judgements call relevant, beside simple methods on the same texts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from statistics import median
from time import perf_counter

from app.api.services import Services
from app.knowledge.records import Hit
from benchmarks.baselines import Item, rank_by_baselines
from benchmarks.datasets import Judgements, Query, RetrievalSet, Source
from benchmarks.metrics import RankingScores, first_of_each, score_rankings
from benchmarks.service import Indexed, index_sources, say

HITS = 25
"""Chunks asked for: enough for ten documents, and few enough to be chosen among the same candidates as fewer are."""

SYSTEM = "system"


@dataclass(frozen=True)
class RetrievalResult:
    """Scores by method (`system`, `BM25`, `dense`, `RRF`) under the name of one set of judgements."""

    name: str
    sources: int
    failed: int
    chunks: int
    methods: dict[str, RankingScores]
    ingest_s: float
    search_p50_ms: float

    def figures(self) -> dict[str, float]:
        """What the gate may ask for."""
        scores = asdict(self.methods[SYSTEM])
        indexed = 1 - self.failed / self.sources
        return {f"{self.name}.{name}": value for name, value in scores.items() if name != "queries"} | {
            f"{self.name}.indexed": indexed
        }


def evaluate_retrieval(data: RetrievalSet, services: Services) -> tuple[list[RetrievalResult], Indexed]:
    """Index the sources into an empty service, ask every query once, and score it against all judgements."""
    say(f"{data.name}: indexing {len(data.sources)} documents")
    started = perf_counter()
    indexed = index_sources(services, data.sources)
    ingest_s = perf_counter() - started
    say(f"{data.name}: asking {len(data.queries)} questions")
    rankings, latencies = _rank_by_system(data, services, indexed)
    items = _items(data, services, indexed)
    questions = [query.question for query in data.queries]
    methods = {SYSTEM: rankings} | rank_by_baselines(
        items, questions, services.embedding_model.embed, k=8 * HITS
    )
    results = [
        RetrievalResult(
            name=name,
            sources=len(data.sources),
            failed=indexed.failed,
            chunks=sum(document.chunks for document in indexed.documents),
            methods={
                method: score_rankings(_with_relevant(ranked, data.queries, judged))
                for method, ranked in methods.items()
            },
            ingest_s=round(ingest_s, 1),
            search_p50_ms=round(median(latencies), 2),
        )
        for name, judged in data.judgements.items()
    ]
    return results, indexed


def _rank_by_system(
    data: RetrievalSet, services: Services, indexed: Indexed
) -> tuple[list[list[str]], list[float]]:
    """Keys in the order of their best chunk for each query, and milliseconds each search took."""
    rankings, latencies = [], []
    for query in data.queries:
        started = perf_counter()
        hits = services.knowledge.retriever.search(query.question, k=HITS).hits
        latencies.append((perf_counter() - started) * 1000)
        rankings.append(first_of_each(key for hit in hits for key in _keys(hit, indexed, data)))
    return rankings, latencies


def _keys(hit: Hit, indexed: Indexed, data: RetrievalSet) -> Iterable[str]:
    keys = indexed.keys[hit.chunk.document_id]
    return keys if data.unit == "document" else (f"{key}#p{hit.chunk.page}" for key in keys)


def _items(data: RetrievalSet, services: Services, indexed: Indexed) -> list[Item]:
    """The same texts for the simple methods, the document's name in front; of files, page by page, as stored."""
    texts = [
        Item(source.key, f"{source.name}\n{source.text}")
        for source in data.sources
        if source.text is not None
    ]
    return texts + [
        item for source in data.sources if source.path for item in _pages(source, data, services, indexed)
    ]


def _pages(source: Source, data: RetrievalSet, services: Services, indexed: Indexed) -> Iterable[Item]:
    (document,) = (info for info in indexed.documents if source.key in indexed.keys[info.document_id])
    for page in range(1, (document.pages or 0) + 1):
        key = source.key if data.unit == "document" else f"{source.key}#p{page}"
        yield Item(key, f"{source.key}\n{services.knowledge.store.page_text(document.document_id, page)}")


def _with_relevant(
    rankings: Sequence[Sequence[str]], queries: Sequence[Query], judged: Judgements
) -> list[tuple[Sequence[str], frozenset[str]]]:
    return [(ranked, judged[query.query_id]) for ranked, query in zip(rankings, queries, strict=True)]
