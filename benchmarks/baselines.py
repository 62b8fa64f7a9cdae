"""What simple methods find in the same texts: words by BM25, meaning by the embedding model, and both fused."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from app.models.minilm import WordPieces
from benchmarks.metrics import first_of_each, fuse_reciprocal_ranks

Embed = Callable[[Sequence[str]], NDArray[np.float32]]

WINDOW = 254
"""Word pieces that the embedded model reads at once, besides its two special tokens."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class Item:
    """A text to be found, and what judgements call it."""

    key: str
    text: str


class RawWords:
    """Tantivy with its defaults: lower-cased words, no stemming, BM25 over one field."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._keys = [item.key for item in items]
        self._index = build_raw_index([item.text for item in items])
        self._searcher = self._index.searcher()

    def search(self, question: str, k: int) -> list[str]:
        return first_of_each(
            self._keys[row] for row in search_raw_index(self._index, self._searcher, question, k)
        )


class RawMeaning:
    """Cosine with every window of 254 word pieces, exactly; a text is as good as its best window."""

    def __init__(self, items: Sequence[Item], embed: Embed) -> None:
        word_pieces = WordPieces()
        windows = [(item.key, window) for item in items for window in _windows(item.text, word_pieces)]
        self._keys = [key for key, _ in windows]
        self._vectors = embed([window for _, window in windows])

    def search(self, vector: NDArray[np.float32], k: int) -> list[str]:
        best = np.argsort(-(self._vectors @ vector), kind="stable")[:k]
        return first_of_each(self._keys[row] for row in best)


def rank_by_baselines(
    items: Sequence[Item], questions: Sequence[str], embed: Embed, *, k: int
) -> dict[str, list[list[str]]]:
    """Rank the items for each question with each method; `k` is how many windows each method looks at."""
    words, meaning = RawWords(items), RawMeaning(items, embed)
    by_words = [words.search(question, k) for question in questions]
    by_meaning = [meaning.search(vector, k) for vector in embed(questions)]
    fused = [fuse_reciprocal_ranks(pair) for pair in zip(by_words, by_meaning, strict=True)]
    return {"BM25": by_words, "dense": by_meaning, "RRF": fused}


def build_raw_index(texts: Sequence[str]) -> Any:
    """A tantivy index in memory with one text field; a document is known by its row."""
    import tantivy

    schema = tantivy.SchemaBuilder()
    schema.add_text_field("body", stored=False)
    schema.add_unsigned_field("row", stored=True, indexed=False)
    index = tantivy.Index(schema.build())
    # Several writer threads would cut the index otherwise on every run, and break ties otherwise.
    writer = index.writer(num_threads=1)
    for row, text in enumerate(texts):
        writer.add_document(tantivy.Document(body=text, row=row))
    writer.commit()
    index.reload()
    return index


def search_raw_index(index: Any, searcher: Any, question: str, k: int) -> list[int]:
    """Rows of the best documents that share at least one word with the question."""
    import tantivy

    # Built by hand: the query language takes a bare "not", "and" or "or" for an operator.
    terms = [
        (tantivy.Occur.Should, tantivy.Query.term_query(index.schema, "body", word))
        for word in _WORD.findall(question.lower())
    ]
    hits = searcher.search(tantivy.Query.boolean_query(terms), k).hits
    return [searcher.doc(address)["row"][0] for _, address in hits]


def _windows(text: str, word_pieces: WordPieces) -> list[str]:
    offsets = word_pieces.offsets(text)
    starts = range(0, len(offsets), WINDOW)
    return [text[offsets[at][0] : offsets[min(at + WINDOW, len(offsets)) - 1][1]] for at in starts]
