"""How much of the exact passages that answer a question the first chunks hold, and how little beside them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.api.services import Services
from app.knowledge.records import Hit
from benchmarks.datasets import ExcerptQuestion, ExcerptSet
from benchmarks.metrics import Span, mean, span_precision, span_recall
from benchmarks.service import index_sources, say

DEPTHS = (5, 10)


@dataclass(frozen=True)
class ExcerptResult:
    """Share of the wanted characters in the first k chunks, and share of those chunks' characters that is wanted.

    `lost` counts excerpts that the stored texts do not hold; each counts as not found.
    """

    questions: int
    lost: int
    recall: dict[int, float]
    precision: dict[int, float]

    def figures(self) -> dict[str, float]:
        return {f"chunking_eval.span_recall_at_{depth}": value for depth, value in self.recall.items()}


@dataclass(frozen=True)
class _Stored:
    document_id: str
    original: str
    text: str

    def locate(self, span: Span) -> Span | None:
        """Where the excerpt lies in the stored text, which may lack invisible characters of the original."""
        if self.text == self.original:
            return span
        excerpt = self.original[slice(*span)]
        words = re.compile(r"\s+".join(re.escape(word) for word in excerpt.split()))
        earliest = max(0, span[0] - abs(len(self.original) - len(self.text)))
        found = words.search(self.text, earliest) or words.search(self.text)
        return found.span() if found else None


def evaluate_excerpts(data: ExcerptSet, services: Services) -> ExcerptResult:
    """Ask every question of all texts in one store."""
    say(f"chunking_eval: indexing {len(data.sources)} texts")
    stored = _index(data, services)
    say(f"chunking_eval: asking {len(data.questions)} questions")
    recall: dict[int, list[float]] = {depth: [] for depth in DEPTHS}
    precision: dict[int, list[float]] = {depth: [] for depth in DEPTHS}
    lost = 0
    for question in data.questions:
        text = stored[question.document]
        located = [text.locate(span) for span in question.spans]
        lost += located.count(None)
        wanted = [span for span in located if span is not None]
        hits = services.knowledge.retriever.search(question.question, k=max(DEPTHS)).hits
        for depth in DEPTHS:
            found, elsewhere = _spans(hits[:depth], text.document_id)
            recall[depth].append(
                _located_share(question, located) * (span_recall(wanted, found) if wanted else 0.0)
            )
            precision[depth].append(span_precision(wanted, found, elsewhere=elsewhere))
    return ExcerptResult(
        questions=len(data.questions),
        lost=lost,
        recall={depth: mean(values) for depth, values in recall.items()},
        precision={depth: mean(values) for depth, values in precision.items()},
    )


def _index(data: ExcerptSet, services: Services) -> dict[str, _Stored]:
    indexed = index_sources(services, data.sources)
    document_ids = {key: document_id for document_id, keys in indexed.keys.items() for key in keys}
    return {
        source.key: _Stored(
            document_id=document_ids[source.key],
            original=source.text or "",
            text=services.knowledge.store.document_text(document_ids[source.key]),
        )
        for source in data.sources
    }


def _located_share(question: ExcerptQuestion, located: Sequence[Span | None]) -> float:
    """Share of the wanted characters that the stored text still holds."""
    lengths = [end - start for start, end in question.spans]
    kept = sum(length for length, span in zip(lengths, located, strict=True) if span is not None)
    return kept / sum(lengths)


def _spans(hits: Sequence[Hit], document_id: str) -> tuple[list[Span], int]:
    """Spans of the chunks of that document, and how many characters the chunks of others have."""
    inside = [hit.chunk for hit in hits if hit.chunk.document_id == document_id]
    outside = [hit.chunk for hit in hits if hit.chunk.document_id != document_id]
    return [(chunk.char_start, chunk.char_end) for chunk in inside], sum(len(chunk.text) for chunk in outside)
