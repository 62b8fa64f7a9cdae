"""Builds the query for a list of words, and the best score that it can give."""

from __future__ import annotations

import math
from dataclasses import dataclass

import tantivy
from tantivy import Occur, Query

from app.knowledge.word_analysis import joined_pairs, query_words

Forms = tuple[str, ...]
"""A word as texts of different languages have it."""

MAX_WORDS = 128
_NAMES_WEIGHT = 0.3
_BEST_FREQUENCY = 2.2  # k1 + 1: BM25's share for a word that fills a whole text, with tantivy's k1 = 1.2


@dataclass(frozen=True)
class WordQuery:
    """`best_score`: what a text would get in which every word of the query stands as often as can be."""

    query: Query
    best_score: float


def build_word_query(schema: tantivy.Schema, searcher: tantivy.Searcher, query: str) -> WordQuery | None:
    """Any of the words, in the text or, for less, in the names of document and section; None when none stands anywhere.

    A word that stands nowhere still counts in `best_score`: no text can be about it. Of very long queries the rarest
    `MAX_WORDS` words are kept.
    """
    texts = _Field("text", schema, searcher)
    names = _Field("names", schema, searcher)
    kept = sorted(dict.fromkeys(query_words(query)), key=texts.frequency)[:MAX_WORDS]
    joined = [(word,) for word in joined_pairs(query)[:MAX_WORDS]]
    in_names = [forms for forms in dict.fromkeys([*kept, *joined]) if names.frequency(forms)]
    clauses = [
        *(texts.clause(forms) for forms in kept if texts.frequency(forms)),
        *(Query.boost_query(names.clause(forms), _NAMES_WEIGHT) for forms in in_names),
    ]
    best = sum(map(texts.weight, kept)) + _NAMES_WEIGHT * sum(map(names.weight, in_names))
    found = [(Occur.Should, clause) for clause in clauses]
    return WordQuery(Query.boolean_query(found), best * _BEST_FREQUENCY) if found else None


@dataclass(frozen=True)
class _Field:
    name: str
    schema: tantivy.Schema
    searcher: tantivy.Searcher

    def frequency(self, forms: Forms) -> int:
        """In how many texts the most frequent form of a word stands."""
        return max(self.searcher.doc_freq(self.name, form) for form in forms)

    def weight(self, forms: Forms) -> float:
        return _idf(self.searcher.num_docs, self.frequency(forms))

    def clause(self, forms: Forms) -> Query:
        """A text counts by that form of the word that is best for it."""
        present = [form for form in forms if self.searcher.doc_freq(self.name, form)]
        queries = [Query.term_query(self.schema, self.name, form, "freq") for form in present]
        return Query.disjunction_max_query(queries) if len(queries) > 1 else queries[0]


def weigh_rarity(searcher: tantivy.Searcher, word: str) -> float:
    return _idf(searcher.num_docs, max(searcher.doc_freq("text", word), searcher.doc_freq("names", word)))


def _idf(texts: int, with_word: int) -> float:
    """BM25's weight of a word; the count of texts may lag behind while deleted ones are not yet merged away."""
    texts = max(texts, with_word)
    return math.log(1.0 + (texts - with_word + 0.5) / (with_word + 0.5))
