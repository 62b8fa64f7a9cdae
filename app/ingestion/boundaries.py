"""Where a text may be cut, and how good each of these places is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from app.models.sentences import split_sentences

# The tokenizer takes each of these characters for a word of its own, so the text may be cut between them.
_IDEOGRAPHS = "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0002fa1f"
_CLOSING = "\u3001\u3002\uff01\uff0c\uff1a\uff1b\uff1f\u300d\u300f\uff09"
_WORD = re.compile(rf"[{_IDEOGRAPHS}][{_CLOSING}]*|[^\s{_IDEOGRAPHS}{_CLOSING}]+[{_CLOSING}]*|[{_CLOSING}]+")
_PARAGRAPH_START = re.compile(r"\n[^\S\n]*\n\s*")
_LINE_START = re.compile(r"\n\s*")


class Cut(IntEnum):
    """What begins at a place where a chunk may begin, from the worst place to the best."""

    WORD = 1
    LINE = 2
    SENTENCE = 3
    PARAGRAPH = 4
    HEADING = 5


@dataclass(frozen=True)
class Words:
    """The words of a text as columns: character span, number of word pieces, and what begins with the word.

    `pieces` of a run of words is the sum of theirs: the tokenizer joins no characters across white space.
    """

    starts: NDArray[np.int64]
    ends: NDArray[np.int64]
    pieces: NDArray[np.int64]
    cuts: NDArray[np.int8]


def find_words(text: str, piece_spans: NDArray[np.int32], heading_starts: Sequence[int]) -> Words:
    """Cut at white space and between ideographs; `piece_spans` are the tokenizer's for the same text."""
    spans = np.array([match.span() for match in _WORD.finditer(text)], dtype=np.int64).reshape(-1, 2)
    # Contiguous, since every binary search would copy a column of the table otherwise.
    starts, ends = np.ascontiguousarray(spans[:, 0]), np.ascontiguousarray(spans[:, 1])
    first_pieces = np.searchsorted(np.ascontiguousarray(piece_spans[:, 0]), starts)
    pieces = np.diff(np.append(first_pieces, len(piece_spans)))
    cuts = np.full(len(starts), Cut.WORD, dtype=np.int8)
    for cut, places in _rank_places(text, heading_starts):
        at = np.searchsorted(starts, places)
        cuts[at[at < len(starts)]] = cut
    return Words(starts, ends, pieces, cuts)


def _rank_places(text: str, heading_starts: Sequence[int]) -> Iterator[tuple[Cut, list[int]]]:
    """From the worst to the best, so that the better name of a place wins."""
    yield Cut.LINE, [match.end() for match in _LINE_START.finditer(text)]
    yield Cut.SENTENCE, [start for start, _ in split_sentences(text)]
    yield Cut.PARAGRAPH, [match.end() for match in _PARAGRAPH_START.finditer(text)]
    yield Cut.HEADING, list(heading_starts)
