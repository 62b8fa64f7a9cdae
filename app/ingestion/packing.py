"""Fill chunks with words up to a number of word pieces, cutting at the best place that leaves them well filled."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.ingestion.boundaries import Cut, Words

# A chunk is filled at least so far before a better place to cut is preferred to a fuller chunk.
_MIN_FILL = 0.5
# A chunk is at most so many characters for each word piece it may have, where English has 4 or 5: the tokenizer
# takes a run of letters of any length, such as an encoded image, for one piece.
_MAX_CHARS_PER_PIECE = 30

Piece = tuple[int, int, int]
"""Start and end in characters, length in word pieces."""


@dataclass(frozen=True)
class Packer:
    """`size` and `overlap` in word pieces; `count` measures a text in them."""

    size: int
    overlap: int
    count: Callable[[str], int]

    @property
    def max_chars(self) -> int:
        return self.size * _MAX_CHARS_PER_PIECE

    def pack(self, text: str, words: Words) -> Iterator[Piece]:
        """Chunk after chunk in the text's order; a word too large for one chunk is cut by itself."""
        before = np.concatenate(([0], np.cumsum(words.pieces)))
        is_oversize = (words.pieces > self.size) | (words.ends - words.starts > self.max_chars)
        first = 0
        for oversize in np.flatnonzero(is_oversize).tolist():
            yield from self._pack_run(words, before, first, oversize)
            yield from self._cut_word(text, int(words.starts[oversize]), int(words.ends[oversize]))
            first = oversize + 1
        yield from self._pack_run(words, before, first, len(words.starts))

    def _pack_run(self, words: Words, before: NDArray[np.int64], first: int, stop: int) -> Iterator[Piece]:
        """`before[i]` pieces stand before word i, so any run of words is measured by one subtraction."""
        cut = first
        while cut < stop:
            fitting = np.searchsorted(before, before[first] + self.size, side="right") - 1
            in_reach = np.searchsorted(words.ends, words.starts[first] + self.max_chars, side="right")
            limit = min(int(fitting), int(in_reach), stop)
            cut = stop if limit == stop else self._best_cut(words, before, first, cut + 1, limit)
            yield int(words.starts[first]), int(words.ends[cut - 1]), int(before[cut] - before[first])
            first = self._overlap_start(words, before, first, cut) if cut < stop else stop

    def _best_cut(
        self, words: Words, before: NDArray[np.int64], first: int, earliest: int, limit: int
    ) -> int:
        """The last of the best places from half full to full; every chunk ends after the one before it."""
        filled = int(np.searchsorted(before, before[first] + int(self.size * _MIN_FILL)))
        low = min(max(earliest, filled), limit)
        candidates = words.cuts[low : limit + 1]
        return low + int(np.flatnonzero(candidates == candidates.max())[-1])

    def _overlap_start(self, words: Words, before: NDArray[np.int64], first: int, cut: int) -> int:
        """Repeat whole sentences, never from above a heading; words only where the cut is within a sentence."""
        if words.cuts[cut] == Cut.HEADING:
            return cut
        # The word after the cut must still fit, or the next chunk would hold nothing new.
        low = max(
            first + 1,
            int(np.searchsorted(before, max(before[cut] - self.overlap, before[cut + 1] - self.size))),
            int(np.searchsorted(words.starts, words.ends[cut] - self.max_chars)),
        )
        candidates = words.cuts[low:cut]
        headings = np.flatnonzero(candidates == Cut.HEADING)
        if len(headings):
            return low + int(headings[-1])
        sentences = np.flatnonzero(candidates >= Cut.SENTENCE)
        if len(sentences):
            return low + int(sentences[0])
        return cut if words.cuts[cut] >= Cut.SENTENCE else low

    def _cut_word(self, text: str, start: int, end: int) -> Iterator[Piece]:
        """Into equal parts until each fits, measured anew: part of a word has other pieces than the whole."""
        chars = end - start
        pieces = self.count(text[start:end]) if chars <= self.max_chars else 0
        if chars == 1 or (chars <= self.max_chars and pieces <= self.size):
            yield start, end, pieces
            return
        parts = min(chars, 1 + max(chars // self.max_chars, math.ceil(pieces / self.size)))
        borders = [start + chars * part // parts for part in range(parts + 1)]
        for part_start, part_end in pairwise(borders):
            yield from self._cut_word(text, part_start, part_end)
