"""Summarises without a language model: picks the sentences that say what most of a document is about."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import groupby, pairwise

import numpy as np

from app.chains.focused_summary import choose_focused
from app.chains.markers import quote_plainly
from app.chains.records import Quote
from app.chains.telling_sentences import Sentence, read_sentences, readability, without_repetitions
from app.knowledge.records import Chunk
from app.models.reader import Reader
from app.models.terms import terms

SHORTLIST = 48
"""Sentences that are embedded: all of a long report would take minutes, these a quarter of a second."""

_BATCH = 100  # chunks between two reports of progress
_MOST_BULLETS = 10
_LONG = 24
"""Chunks from which a question about a document is answered by a page of it instead of a few sentences."""
_PARAGRAPH_CHUNKS = 4  # up to this size a document is summarised in a paragraph
_DIVERSITY = 0.7  # weight of being unlike what has been chosen already, against a merit of about 1
_MOST_FROM_A_STRETCH = 2  # of as many stretches of the document as the summary has sentences
_REQUEST_WORDS = frozenset(
    terms(
        "summary summarize summarise summarized summarization summaries overview tldr tl dr gist"
        " abstract outline recap brief briefly short shortly concise quick long detailed bullet"
        " bullets point points key main major important takeaway takeaways essence highlights report"
        " paper article page pages chapter section sentence sentences paragraph words content contents"
        " topic topics whole entire complete full uploaded pdf write make create provide need want"
        " like whats about zusammenfassung fasse zusammen resumen resume résumé"
    )
)


async def extract_summary(
    question: str, chunks: Sequence[Chunk], reader: Reader, on_progress: Callable[[int, int], None]
) -> tuple[str, tuple[Quote, ...]]:
    """Text with markers and the quotes behind them; empty when no chunk holds a sentence.

    Reads every chunk, in a thread, and reports after each hundred. One document becomes a paragraph or five
    to ten bullets by its size; of several, each gets its own heading.
    """
    sentences: list[Sentence] = []
    for start in range(0, len(chunks), _BATCH):
        batch = chunks[start : start + _BATCH]
        sentences += await asyncio.to_thread(read_sentences, batch, len(sentences))
        on_progress(min(start + _BATCH, len(chunks)), len(chunks))
    sentences = without_repetitions(sentences)
    by_document = [list(group) for _, group in groupby(sentences, key=lambda s: s.chunk.document_id)]
    budget = _MOST_BULLETS if len(by_document) <= 1 else max(2, 2 * _MOST_BULLETS // len(by_document))
    chosen = [
        await asyncio.to_thread(_choose, question, document, budget, reader) for document in by_document
    ]
    return _write([document for document in chosen if document])


def _choose(question: str, sentences: Sequence[Sentence], budget: int, reader: Reader) -> list[Sentence]:
    """The sentences of one document's summary, in reading order."""
    size = len({sentence.chunk.chunk_id for sentence in sentences})
    if size > _LONG and _asked_beside_summary(question, sentences):
        focused = choose_focused(question, sentences, reader)
        if focused is not None:
            return focused
    wanted = 3 if size <= _PARAGRAPH_CHUNKS else min(budget, 4 + round(math.log2(size)))
    sentences, topic = _on_topic(question, sentences, wanted)
    merits = _merits(sentences, topic)
    shortlist = _shortlist(sentences, merits, wanted)
    vectors = reader.embed([sentences[at].text for at in shortlist])
    alike = _word_likeness([sentences[at] for at in shortlist]) if vectors is None else vectors @ vectors.T
    merit = np.array([merits[at] for at in shortlist])
    merit = merit / (merit.max() or 1.0) + alike.mean(axis=1)
    stretches = np.array([at * wanted // len(sentences) for at in shortlist])
    return [sentences[shortlist[at]] for at in sorted(_diverse(merit, alike, stretches, wanted))]


def _on_topic(
    question: str, sentences: Sequence[Sentence], wanted: int
) -> tuple[Sequence[Sentence], set[str]]:
    """The sentences that deal with what the request names, where it names something and there are enough."""
    asked = _asked_beside_summary(question, sentences)
    topic = {term for term in asked if any(term in sentence.bag for sentence in sentences)}
    dealing = [sentence for sentence in sentences if _covered(topic, sentence) > 0]
    return (dealing if len(dealing) >= min(3, wanted) else sentences), topic


def _asked_beside_summary(question: str, sentences: Sequence[Sentence]) -> set[str]:
    """What a request names beside the wish for a summary, and the document."""
    named = set(terms(sentences[0].chunk.document_name))
    return {term for term in terms(question) if term not in _REQUEST_WORDS | named}


def _merits(sentences: Sequence[Sentence], topic: set[str]) -> list[float]:
    """Nearness to the document's tf-idf centroid, raised near its beginning, by form and by what was asked."""
    total = len(sentences)
    frequency = Counter(term for sentence in sentences for term in sentence.bag)
    weight = {term: math.log(1 + count) * math.log(1 + total / count) for term, count in frequency.items()}
    merits: list[float] = []
    for sentence in sentences:
        central = sum(weight[term] for term in sentence.bag) / math.sqrt(max(len(sentence.bag), 5))
        place = 1 + 0.3 * math.exp(-12 * sentence.position / (sentences[-1].position + 1))
        merits.append(central * place * readability(sentence) * (1 + 3 * _covered(topic, sentence)))
    return merits


def _covered(topic: set[str], sentence: Sentence) -> float:
    return sum(term in sentence.bag for term in topic) / len(topic) if topic else 0.0


def _shortlist(sentences: Sequence[Sentence], merits: Sequence[float], windows: int) -> list[int]:
    """The best of each stretch of the document, so that none is passed over; positions in reading order."""
    bounds = np.linspace(0, len(sentences), windows + 1).astype(int)
    each = max(2, SHORTLIST // windows)
    best: list[int] = []
    for start, end in pairwise(bounds):
        best += sorted(range(start, end), key=lambda at: -merits[at])[:each]
    return sorted(best)


def _word_likeness(sentences: Sequence[Sentence]) -> np.ndarray[tuple[int, int], np.dtype[np.float64]]:
    bags = [set(sentence.bag) for sentence in sentences]
    return np.array([[len(a & b) / (len(a | b) or 1) for b in bags] for a in bags], dtype=np.float64)


def _diverse(merit: np.ndarray, alike: np.ndarray, stretches: np.ndarray, wanted: int) -> list[int]:
    """Maximal marginal relevance: the best first, then each the best unlike those before, two from a stretch."""
    chosen: list[int] = []
    for _ in range(wanted):
        nearest = alike[:, chosen].max(axis=1) if chosen else np.zeros(len(merit))
        value = merit - _DIVERSITY * nearest
        value[chosen] = -np.inf
        taken, times = np.unique(stretches[chosen], return_counts=True)
        value[np.isin(stretches, taken[times >= _MOST_FROM_A_STRETCH])] = -np.inf
        if not np.isfinite(value).any():
            break
        chosen.append(int(value.argmax()))
    return chosen


def _write(documents: Sequence[Sequence[Sentence]]) -> tuple[str, tuple[Quote, ...]]:
    parts: list[str] = []
    quotes: list[Quote] = []
    for sentences in documents:
        if len(documents) > 1:
            parts.append(f"**{quote_plainly(sentences[0].chunk.document_name)}**")
        cited: list[str] = []
        for sentence in sentences:
            quotes.append(Quote(len(quotes) + 1, sentence.chunk, 1.0, sentence.text))
            cited.append(f"{quote_plainly(sentence.text)} [{len(quotes)}]")
        parts.append(" ".join(cited) if len(sentences) <= 3 else "\n".join(f"- {line}" for line in cited))
    return "\n\n".join(parts), tuple(quotes)
