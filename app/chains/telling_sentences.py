"""The sentences of a document that may stand in a summary of it."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from app.knowledge.records import Chunk
from app.models.sentences import is_table_row, split_sentences
from app.models.terms import terms

_GOOD_WORDS = 30  # longer sentences gather many central words and say little
_WEAK_START = re.compile(
    r"(?:it|its|he|she|they|his|her|their|this|these|those|that|such|also|however|therefore|thus|then|but|and|or"
    r"|so|in addition|for example|see|note)\b",
    re.IGNORECASE,
)
# Where to look, and the formulas of filings and contracts: they say nothing about the matter.
_REFERENCE = re.compile(
    r"\b(?:see|refer to|set forth|described (?:in|below|above)|incorporated by reference|check ?mark|hereby|hereto"
    r"|herein|pursuant to|(?:item|note|exhibit|section|schedule|table|figure|appendix) \d+)\b",
    re.IGNORECASE,
)
_LEADERS = re.compile(r"\.{4,}|(?:\. ){4,}|_{4,}")


@dataclass(frozen=True)
class Sentence:
    chunk: Chunk
    position: int  # among all sentences of the document
    text: str
    bag: Counter[str]


def read_sentences(chunks: Iterable[Chunk], first: int) -> list[Sentence]:
    """Those of the chunks, numbered from `first` on."""
    found: list[Sentence] = []
    for chunk in chunks:
        for start, end in split_sentences(chunk.text):
            text = chunk.text[start:end]
            if _is_telling(text):
                found.append(Sentence(chunk, first + len(found), text, Counter(terms(text))))
    return found


def _is_telling(text: str) -> bool:
    """Whole sentences of running prose; no headings, table rows, contents or fragments cut off by an edge."""
    letters = sum(character.isalpha() for character in text)
    if not 30 <= len(text) <= 450 or letters < 0.6 * len(text) or _LEADERS.search(text) or is_table_row(text):
        return False
    return text[-1] in '.!?。！？؟।”"’)' and not text[0].islower() and not text.isupper()


def without_repetitions(sentences: Iterable[Sentence]) -> list[Sentence]:
    """The first of each wording: neighbouring chunks overlap, and running heads recur on each page."""
    seen: set[tuple[str, str]] = set()
    kept: list[Sentence] = []
    for sentence in sentences:
        key = (sentence.chunk.document_id, " ".join(sentence.text.casefold().split()))
        if key not in seen:
            seen.add(key)
            kept.append(sentence)
    return kept


def readability(sentence: Sentence) -> float:
    """How well the sentence stands alone: short, not leaning on the one before, not sending the reader away."""
    value = float(min(1.0, _GOOD_WORDS / max(1, len(sentence.text.split()))) ** 1.5)
    if _WEAK_START.match(sentence.text):
        value *= 0.5
    if _REFERENCE.search(sentence.text):
        value *= 0.4
    return value
