"""Names what a text is about: its recurring phrases of up to three words, in the form that it mostly gives them."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from app.models.terms import STOPWORDS, fold, stem

MAX_KEYWORDS = 8

_READ_CHARS = 200_000
"""What a text is about shows in its first hundred pages."""
_MAX_WORDS = 3
_SHORT_TEXT = 150
"""Words up to which a phrase need not recur."""
_TOKEN = re.compile(r"[^\W\d_][\w’'-]*|\S")
_SAME = 0.6
"""Share of a word's places from which it is left to a longer phrase that has it."""

Key = tuple[str, ...]


@dataclass(slots=True)
class _Phrase:
    """Where a phrase stands: at first after `first` words, and each time as words of a run."""

    first: int
    places: list[tuple[list[str], int, int]] = field(default_factory=list)

    def forms(self) -> Counter[str]:
        return Counter(" ".join(run[start:end]) for run, start, end in self.places)


def extract_keywords(text: str) -> list[str]:
    """At most eight, the most telling first; none of a text without words."""
    phrases: dict[Key, _Phrase] = {}
    position = 0
    for run in _runs(text[:_READ_CHARS]):
        stems = [stem(fold(word)) for word in run]
        for start in range(len(run)):
            for end in range(start + 1, min(len(run), start + _MAX_WORDS) + 1):
                key = tuple(stems[start:end])
                phrase = phrases.get(key)
                if phrase is None:
                    phrase = phrases[key] = _Phrase(position + start)
                phrase.places.append((run, start, end))
        position += len(run)
    is_short = position <= _SHORT_TEXT
    places = Counter({key: len(phrase.places) for key, phrase in phrases.items()})
    ranked = sorted(
        (key for key, count in places.items() if count > 1 or (is_short and _is_name(phrases[key].forms()))),
        key=lambda key: (-_weigh(key, places[key], phrases[key].first, position), phrases[key].first),
    )
    return [phrases[key].forms().most_common(1)[0][0] for key in _distinct(ranked, places)]


def _runs(text: str) -> Iterator[list[str]]:
    """Words that stand together, without a stop word, a figure or a sign between them."""
    run: list[str] = []
    for token in _TOKEN.findall(text):
        is_word = len(token) > 2 and token[0].isalpha() and fold(token) not in STOPWORDS
        if is_word:
            run.append(token)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _is_name(forms: Counter[str]) -> bool:
    """Whether a phrase that stands only once may count all the same: a single word, or a name."""
    (form,) = forms
    words = form.split()
    return len(words) == 1 or all(word[0].isupper() for word in words)


def _weigh(key: Key, count: int, first: int, total: int) -> float:
    """Frequent, long and early phrases tell more than others."""
    early = 1.0 + 0.5 * math.exp(-8 * first / max(1, total))
    return float(math.log(1 + count) * len(key) ** 0.7 * early * min(1.0, sum(map(len, key)) / 6))


def _distinct(ranked: list[Key], places: Counter[Key]) -> list[Key]:
    """Without phrases that say the same as one before: part of it, or longer by a word that seldom goes along."""
    chosen: list[Key] = []
    for key in ranked:
        if not any(_overlaps(key, other, places) for other in chosen):
            chosen.append(key)
            if len(chosen) == MAX_KEYWORDS:
                break
    return chosen


def _overlaps(key: Key, other: Key, places: Counter[Key]) -> bool:
    short, long = sorted((key, other), key=len)
    if not set(short) <= set(long):
        return len(set(short) & set(long)) > 1
    return key is not short or places[long] >= _SAME * places[short] or len(short) > 1
