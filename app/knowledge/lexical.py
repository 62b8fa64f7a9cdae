"""Finds chunks by their words (BM25), caught up from the store."""

from __future__ import annotations

import threading

import numpy as np
import tantivy
from numpy.typing import NDArray
from tantivy import FieldType, Occur, Query

from app.knowledge.changes import Changes
from app.knowledge.reading import StoreReader
from app.knowledge.records import Position
from app.knowledge.word_analysis import build_analyzer, prepare
from app.knowledge.word_query import WordQuery, build_word_query, weigh_rarity

_WRITER_BYTES = 32_000_000


class LexicalIndex:
    """An index in memory over all collections. Safe to use from any thread."""

    def __init__(self, store: StoreReader) -> None:
        self._store = store
        self._lock = threading.Lock()
        self._seen = Position()
        self._schema = _build_schema()
        self._index = tantivy.Index(self._schema)
        self._index.register_tokenizer("words", build_analyzer())
        self._writer = self._index.writer(_WRITER_BYTES, 1)

    def catch_up(self) -> None:
        """Take in what the store has and this index has not; one small query when there is nothing."""
        if self._store.position() == self._seen:
            return
        with self._lock, self._store.changes_since(self._seen) as changes:
            try:
                self._take_in(changes)
                self._writer.commit()
            except BaseException:
                self._writer.rollback()  # or the next attempt would add everything twice
                raise
            self._index.reload()
            self._seen = changes.position

    def _take_in(self, changes: Changes) -> None:
        for first, last in changes.removed():
            numbers = Query.range_query(self._schema, "chunk_no", FieldType.Integer, first, last)
            self._writer.delete_documents_by_query(numbers)
        for row in changes.added_texts():
            names = " ".join(filter(None, (row.name, row.title, row.section)))
            self._writer.add_document(
                tantivy.Document(
                    chunk_no=row.chunk_no,
                    collection=row.collection,
                    text=prepare(row.text),
                    names=prepare(names),
                )
            )

    def search(
        self, query: str, k: int, *, collection: str, within: NDArray[np.int64] | None = None
    ) -> list[tuple[int, float]]:
        """The k best chunks as (chunk_no, score), best first; only chunks that share a word with the query.

        The score is the share of the best that any text could reach for these words, so it can be compared between
        queries. `within` restricts the search itself to these chunk numbers.
        """
        self.catch_up()
        searcher = self._index.searcher()
        words = build_word_query(self._schema, searcher, query)
        if words is None or k < 1 or (within is not None and not len(within)):
            return []
        hits = searcher.search(self._restrict(words, collection, within), k, count=False).hits
        chunk_nos = searcher.fast_field_values("chunk_no", [address for _, address in hits])
        scores = [min(1.0, score / words.best_score) for score, _ in hits]
        found = [(int(no), score) for no, score in zip(chunk_nos, scores, strict=True) if no is not None]
        return sorted(found, key=lambda hit: (-hit[1], hit[0]))

    def rarity(self, word: str) -> float:
        """BM25's weight of a stemmed word; as common as it is in texts or in names, wherever it is more so."""
        searcher = self._index.searcher()
        return weigh_rarity(searcher, word)

    def _restrict(self, words: WordQuery, collection: str, within: NDArray[np.int64] | None) -> Query:
        conditions = [Query.term_query(self._schema, "collection", collection)]
        if within is not None:
            conditions.append(Query.term_set_query(self._schema, "chunk_no", within.tolist()))
        unscored = [(Occur.Must, Query.const_score_query(condition, 0.0)) for condition in conditions]
        return Query.boolean_query([*unscored, (Occur.Must, words.query)])


def _build_schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    builder.add_text_field("text", tokenizer_name="words", index_option="freq")
    builder.add_text_field("names", tokenizer_name="words", index_option="freq")
    builder.add_text_field("collection", tokenizer_name="raw", index_option="basic")
    builder.add_integer_field("chunk_no", indexed=True, fast=True)
    return builder.build()
