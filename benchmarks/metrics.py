"""Measures of rankings, answers and decisions; all are shares in [0, 1], the higher the better."""

from __future__ import annotations

import math
import re
import string
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")
Span = tuple[int, int]

_ARTICLES = re.compile(r"\b(a|an|the)\b")
_NO_PUNCTUATION = str.maketrans("", "", string.punctuation)


def first_of_each(keys: Iterable[T]) -> list[T]:
    """Keep the first place of every key: several chunks of one document are one find."""
    return list(dict.fromkeys(keys))


def recall_at(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Share of the relevant keys among the first `k`."""
    return len(set(ranked[:k]) & set(relevant)) / len(set(relevant))


def reciprocal_rank(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """1 / place of the first relevant key, 0 when none is among the first `k`."""
    return next((1 / place for place, key in enumerate(ranked[:k], start=1) if key in relevant), 0.0)


def ndcg_at(ranked: Sequence[str], relevant: Collection[str], k: int) -> float:
    """Discounted gain with relevance 0 or 1, over that of a perfect ranking (Järvelin and Kekäläinen 2002)."""
    gained = sum(1 / math.log2(place + 1) for place, key in enumerate(ranked[:k], start=1) if key in relevant)
    perfect = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(set(relevant))) + 1))
    return gained / perfect


@dataclass(frozen=True)
class RankingScores:
    """Means over all judged queries."""

    queries: int
    recall_at_5: float
    recall_at_10: float
    mrr_at_10: float
    ndcg_at_10: float


def score_rankings(rankings: Sequence[tuple[Sequence[str], Collection[str]]]) -> RankingScores:
    """Score pairs of a ranking without repetitions and the relevant keys of its query."""
    return RankingScores(
        queries=len(rankings),
        recall_at_5=mean(recall_at(ranked, relevant, 5) for ranked, relevant in rankings),
        recall_at_10=mean(recall_at(ranked, relevant, 10) for ranked, relevant in rankings),
        mrr_at_10=mean(reciprocal_rank(ranked, relevant, 10) for ranked, relevant in rankings),
        ndcg_at_10=mean(ndcg_at(ranked, relevant, 10) for ranked, relevant in rankings),
    )


def fuse_reciprocal_ranks(rankings: Iterable[Sequence[str]], *, k: int = 60) -> list[str]:
    """Reciprocal rank fusion (Cormack, Clarke and Büttcher 2009)."""
    scores: dict[str, float] = {}
    for ranked in rankings:
        for place, key in enumerate(ranked, start=1):
            scores[key] = scores.get(key, 0.0) + 1 / (k + place)
    return sorted(scores, key=lambda key: -scores[key])


def span_recall(wanted: Iterable[Span], found: Iterable[Span]) -> float:
    """Share of the wanted characters that lie in at least one found span."""
    wanted_characters = _characters(wanted)
    return len(wanted_characters & _characters(found)) / len(wanted_characters)


def span_precision(wanted: Iterable[Span], found: Iterable[Span], *, elsewhere: int = 0) -> float:
    """Share of the found characters that are wanted; `elsewhere` counts those found in other texts."""
    found_characters = _characters(found)
    total = len(found_characters) + elsewhere
    return len(found_characters & _characters(wanted)) / total if total else 0.0


def contains_text(text: str, expected: str) -> bool:
    """Whether `expected` stands in `text` as whole words and numbers: 38 is neither in 1,380 nor in 38.5."""
    words = r"\s+".join(re.escape(word) for word in expected.split())
    pattern = rf"(?<!\w)(?<!\d[.,]){words}(?!\w)(?![.,]\d)"
    return re.search(pattern, text, re.IGNORECASE) is not None


def contains_answer(text: str, answers: Iterable[str]) -> bool:
    """Whether one of the answers stands in `text` as whole words, after SQuAD's normalisation of both."""
    padded = f" {normalise_answer(text)} "
    normalised = (normalise_answer(answer) for answer in answers)
    return any(answer and f" {answer} " in padded for answer in normalised)


def rouge_l(text: str, reference: str) -> float:
    """F1 of the longest common subsequence of words (Lin 2004), letters and digits in lower case, no stemming."""
    words, wanted = (re.findall(r"[a-z0-9]+", one.lower()) for one in (text, reference))
    if not words or not wanted:
        return 0.0
    common = _common_subsequence(words, wanted)
    precision, recall = common / len(words), common / len(wanted)
    return 2 * precision * recall / (precision + recall) if common else 0.0


def _common_subsequence(one: Sequence[str], other: Sequence[str]) -> int:
    """Its length, a row of the table at a time in the bits of an integer (Hyyrö 2004)."""
    places: dict[str, int] = {}
    for place, word in enumerate(other):
        places[word] = places.get(word, 0) | 1 << place
    everything = (1 << len(other)) - 1
    row = everything
    for word in one:
        matched = row & places.get(word, 0)
        row = (row + matched | row - matched) & everything
    return (everything ^ row).bit_count()


def normalise_answer(text: str) -> str:
    """Lower case without punctuation, articles and superfluous blanks, as SQuAD's scorer has it."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_NO_PUNCTUATION)).split())


def separation(positives: Sequence[float], negatives: Sequence[float]) -> float:
    """Chance that a random positive scores above a random negative (the area under the ROC curve)."""
    above = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
    return above / (len(positives) * len(negatives))


def refusal_curve(
    answerable: Sequence[float], unanswerable: Sequence[float], *, points: int = 100
) -> list[tuple[float, float]]:
    """Shares of each kind answered as the needed confidence grows from answering all to answering none, for a plot."""
    seen = sorted({*answerable, *unanswerable})
    bounds = seen if len(seen) <= points else [seen[step * len(seen) // points] for step in range(points)]
    return [
        (_share_from(answerable, bound), _share_from(unanswerable, bound)) for bound in (*bounds, math.inf)
    ]


def mean(values: Iterable[float]) -> float:
    """The mean; 0 of nothing."""
    found = list(values)
    return sum(found) / len(found) if found else 0.0


def _share_from(scores: Sequence[float], bound: float) -> float:
    return mean(float(score >= bound) for score in scores)


def _characters(spans: Iterable[Span]) -> set[int]:
    return {place for start, end in spans for place in range(start, end)}
