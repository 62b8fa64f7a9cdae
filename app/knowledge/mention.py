"""Recognises the documents that a query names: by company, title, year or quarter, however file names write them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from itertools import pairwise
from pathlib import PurePosixPath
from typing import NamedTuple

from app.knowledge.languages import is_small_word
from app.knowledge.word_analysis import plain_words, stem_english

_WEIGHT = 0.1
_MAX_WORDS = 200
_HINT = 4  # letters; what two forms of a word have in common at least
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_PART = re.compile(r"[^\W\d_]+|\d+")
_QUARTER = re.compile(
    r"(?<![^\W\d_])(?:q([1-4])|quarter ([1-4]))(?!\d)"
    r"|(?<!\d)([1-4])q(?![^\W\d_])|\b(first|second|third|fourth) quarter\b"
)
_ORDINALS = {"first": "1", "second": "2", "third": "3", "fourth": "4"}


class Naming(NamedTuple):
    """What a document is called."""

    name: str
    title: str | None


class Mention:
    """The words of a query that may name documents.

    `rarity` weighs a word: one that stands in most names and texts tells little about any of them.
    """

    def __init__(self, query: str, rarity: Callable[[str], float]) -> None:
        words = plain_words(query)[:_MAX_WORDS]
        joined = ["".join(run) for length in (2, 3) for run in _runs(words, length)]
        self._words = _telling_words(" ".join(words)) | frozenset(stem_english(" ".join(joined)))
        self._hints = {word[:_HINT] for word in self._words}
        self._rarity = rarity

    def weigh(self, namings: Iterable[Naming]) -> dict[Naming, float]:
        """How well each fits, from 0 to 1, of those that fit at all.

        It is the share of what the query says about any of these documents that is true of this one, times the share
        of the document's name, or of its title, that the query says. So all that fit equally are preferred equally.
        """
        called = {naming: _words_of(naming) for naming in namings if self._is_hinted(naming)}
        said = {
            word for names in called.values() for word in self._words.intersection(*[names[0] | names[1]])
        }
        everything = self._weight(said)
        if not everything:
            return {}
        return {
            naming: self._weight(said & (names[0] | names[1])) / everything * max(map(self._covered, names))
            for naming, names in called.items()
            if said & (names[0] | names[1])
        }

    def _is_hinted(self, naming: Naming) -> bool:
        """Whether a closer look is worth its time."""
        called = f"{naming.name} {naming.title or ''}".lower()
        return not called.isascii() or any(hint in called for hint in self._hints)

    def _covered(self, names: frozenset[str]) -> float:
        whole = self._weight(names)
        return self._weight(names & self._words) / whole if whole else 0.0

    def _weight(self, words: Iterable[str]) -> float:
        return sum(map(self._rarity, sorted(words)))


def raise_score(score: float, fit: float) -> float:
    """Lift the score of a chunk whose document is named towards 1."""
    return score + (1.0 - score) * _WEIGHT * fit


@lru_cache(maxsize=4096)
def _words_of(naming: Naming) -> tuple[frozenset[str], frozenset[str]]:
    path = PurePosixPath(naming.name)
    stem = path.stem if len(path.suffix) <= len(".jsonl") else naming.name
    return _telling_words(_CAMEL.sub(" ", stem)), _telling_words(naming.title or "")


def _telling_words(text: str) -> frozenset[str]:
    """Stemmed words and their parts (`2023Q4` is 2023 and q4); neither small words nor single letters and digits."""
    text = text.lower()
    parts = stem_english(" ".join(_PART.findall(text)))
    quarters = [
        f"q{first or second or third or _ORDINALS[fourth]}"
        for first, second, third, fourth in _QUARTER.findall(text)
    ]
    return frozenset(word for word in [*stem_english(text), *parts, *quarters] if _is_telling(word))


def _is_telling(word: str) -> bool:
    is_short_number = word.isdigit() and len(word) < len("2022")
    return len(word) > 1 and not is_short_number and not is_small_word(word)


def _runs(words: list[str], length: int) -> Iterable[tuple[str, ...]]:
    if length == 2:
        return pairwise(words)
    return zip(words, words[1:], words[2:], strict=False)
