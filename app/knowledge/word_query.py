"""Builds the query for a list of words, and the best score that it can give."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import tantivy
from tantivy import Occur, Query

MAX_WORDS = 128
_NAMES_WEIGHT = 0.3
_BEST_FREQUENCY = 2.2  # k1 + 1: BM25's share for a word that fills a whole text, with tantivy's k1 = 1.2


@dataclass(frozen=True)
class WordQuery:
    """`best_score`: what a text would get in which every word of the query stands as often as can be."""

    query: Query
    best_score: float


def build_word_query(
    schema: tantivy.Schema, searcher: tantivy.Searcher, words: Sequence[str], name_words: Sequence[str]
) -> WordQuery | None:
    """Any of the words, in the text or, for less, in the names of document and section; None when none stands anywhere.

    `name_words` are looked for in the names alone. A word that stands nowhere still counts in `best_score`: no text can
    be about it. Of very long queries the rarest `MAX_WORDS` words are kept.
    """
    distinct = list(dict.fromkeys(words))
    frequency = {word: searcher.doc_freq("text", word) for word in distinct}
    kept = sorted(distinct, key=lambda word: frequency[word])[:MAX_WORDS]
    clauses: list[tuple[Occur, Query]] = []
    best = 0.0
    for word in kept:
        best += _idf(searcher.num_docs, frequency[word]) * _BEST_FREQUENCY
        if frequency[word]:
            clauses.append((Occur.Should, Query.term_query(schema, "text", word, "freq")))
    for name in dict.fromkeys([*kept, *name_words[:MAX_WORDS]]):
        if in_names := searcher.doc_freq("names", name):
            best += _NAMES_WEIGHT * _idf(searcher.num_docs, in_names) * _BEST_FREQUENCY
            matching = Query.term_query(schema, "names", name, "freq")
            clauses.append((Occur.Should, Query.boost_query(matching, _NAMES_WEIGHT)))
    return WordQuery(Query.boolean_query(clauses), best) if clauses else None


def _idf(texts: int, with_word: int) -> float:
    """BM25's weight of a word; the count of texts may lag behind while deleted ones are not yet merged away."""
    texts = max(texts, with_word)
    return math.log(1.0 + (texts - with_word + 0.5) / (with_word + 0.5))
