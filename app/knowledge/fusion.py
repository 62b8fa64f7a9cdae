"""Joins what the two searches found into one ranking."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from app.knowledge.languages import ENGLISH, likely_languages
from app.knowledge.records import Chunk, Hit, Sketch

# Measured on six English question sets: from 0.3 to 0.5 nothing changes by much, above it names and numbers are lost.
DENSE_WEIGHT = 0.45
# What an English model makes of other languages: in Latin letters something, elsewhere next to nothing.
_FOREIGN_LATIN_WEIGHT = 0.2
_FOREIGN_SCRIPT_WEIGHT = 0.05
_FIRST_NON_LATIN = "\u0370"
_SAME_TEXT = 0.5


@dataclass(frozen=True, slots=True)
class Candidate:
    """A chunk that one of the searches has found, with what both say about it."""

    chunk_no: int
    score: float
    dense: float | None
    lexical: float

    def as_hit(self, chunk: Chunk) -> Hit:
        return Hit(chunk, self.score, self.dense, self.lexical)


def weigh_dense(query: str, *, english_only: bool) -> float:
    """The part of a score that the cosine decides.

    A model that has learned English only sees other scripts as noise and other languages as through a mist: there the
    words decide nearly alone, in mixed queries in proportion to the letters.
    """
    if not english_only:
        return DENSE_WEIGHT
    letters = [letter for letter in query if letter.isalpha()]
    foreign = sum(letter >= _FIRST_NON_LATIN for letter in letters) / max(1, len(letters))
    latin = DENSE_WEIGHT if ENGLISH in likely_languages(query) else _FOREIGN_LATIN_WEIGHT
    return latin + foreign * (_FOREIGN_SCRIPT_WEIGHT - latin)


def rank(
    dense: Mapping[int, float] | None, lexical: Mapping[int, float], *, dense_weight: float
) -> list[Candidate]:
    """All chunks that were found, best first; of equal ones the older first.

    `dense` is None when the query has no vector. A chunk that is missing in `lexical` shares no word with the query.
    """
    return reorder(
        _judge(
            chunk_no, None if dense is None else dense.get(chunk_no), lexical.get(chunk_no, 0.0), dense_weight
        )
        for chunk_no in {**(dense or {}), **lexical}
    )


def reorder(candidates: Iterable[Candidate]) -> list[Candidate]:
    return sorted(candidates, key=lambda candidate: (-candidate.score, candidate.chunk_no))


def _judge(chunk_no: int, cosine: float | None, words: float, weight: float) -> Candidate:
    """The score is the weighted mean of cosine and word match, or the word match alone where there is no vector."""
    score = words if cosine is None else weight * max(0.0, cosine) + (1.0 - weight) * words
    return Candidate(chunk_no, score, cosine, words)


def is_repeated(chunk: Sketch, chosen: Iterable[Sketch]) -> bool:
    """Whether more than half of a chunk stands in a chosen one already, or more than half of a chosen one in it."""
    return any(_overlap(chunk, other) > _SAME_TEXT for other in chosen)


def _overlap(one: Sketch, other: Sketch) -> float:
    """The part of the shorter chunk that both have in common."""
    if one.document_id != other.document_id:
        return 0.0
    shared = min(one.char_end, other.char_end) - max(one.char_start, other.char_start)
    return shared / max(1, min(one.char_end - one.char_start, other.char_end - other.char_start))
