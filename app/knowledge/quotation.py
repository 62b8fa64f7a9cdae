"""Recognises texts that a query quotes: many reports hold the same words, only one holds them in this order."""

from __future__ import annotations

from app.knowledge.records import Sketch
from app.knowledge.word_analysis import plain_text, plain_words

_RUN = 5  # words; shorter runs are shared by texts that have nothing to do with each other
_MAX_WORDS = 200
_WEIGHT = 0.5


class Quotation:
    """The runs of words in a query that may be quoted from somewhere."""

    def __init__(self, query: str) -> None:
        words = plain_words(query)[:_MAX_WORDS]
        self._runs = [words[start : start + _RUN] for start in range(len(words) - _RUN + 1)]

    def is_possible(self) -> bool:
        return bool(self._runs)

    def share_in(self, text: str) -> float:
        """The part of the query's runs that stand in a text, from 0 to 1."""
        plain = plain_text(text)
        # Few texts hold all five words at all, and to take the others apart takes a search's time.
        present = [run for run in self._runs if all(word in plain for word in run)]
        words = f" {' '.join(plain_words(text))} " if present else ""
        return sum(f" {' '.join(run)} " in words for run in present) / len(self._runs)

    def raise_score(self, score: float, text: str) -> float:
        """Lift the score of a quoted text towards 1; the square keeps a passage that is merely similar behind."""
        return score + (1.0 - score) * _WEIGHT * self.share_in(text) ** 2


def continued(chunk: Sketch, following: Sketch | None) -> str:
    """The chunk's text and what follows on its page, for a quotation may cross into the following chunk."""
    if following is None or (following.document_id, following.page) != (chunk.document_id, chunk.page):
        return chunk.text
    shared = max(0, chunk.char_end - following.char_start)
    return f"{chunk.text} {following.text[shared:]}"
