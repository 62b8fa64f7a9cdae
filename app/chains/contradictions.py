"""Finds quotes of different documents that say the same thing with other figures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import combinations

from app.chains.records import Quote
from app.models.terms import numbers, terms

_ALIKE = 0.7
_LEAST_SHARED = 3
"""Content words; two short sentences may share two by chance."""
_YEAR = re.compile(r"(?:19|20)\d\d")


def find_contradictions(quotes: Sequence[Quote]) -> Iterator[tuple[Quote, Quote]]:
    """Pairs whose words are nearly the same and whose figures are not.

    Sentences about different years or quarters are no contradiction, so years have to agree; figures beside them must
    all differ, since one that is the same often is the thing that both are about.
    """
    told = [(quote, *_read(quote)) for quote in quotes]
    for (one, words, figures, years), (other, other_words, other_figures, other_years) in combinations(
        told, 2
    ):
        shared = len(words & other_words)
        if (
            one.chunk.document_id != other.chunk.document_id
            and figures
            and len(figures) == len(other_figures)
            and not figures & other_figures
            and years == other_years
            and shared >= max(_LEAST_SHARED, _ALIKE * min(len(words), len(other_words)))
        ):
            yield one, other


def _read(quote: Quote) -> tuple[set[str], set[str], set[str]]:
    """A quote's words, its figures, and the years that it names."""
    found = numbers(quote.text)
    years = {number for number in found if _YEAR.fullmatch(number)}
    words = {word for word in terms(quote.text) if not word[0].isdigit()}
    return words, found - years, years
