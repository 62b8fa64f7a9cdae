"""Puts chunks that were cut apart together again where several of them were found: evidence as its author wrote it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from itertools import pairwise

from app.knowledge.records import Chunk, Hit

TextBetween = Callable[[str, int, int], str]
"""The stored text of a document id from one character to another."""


def merge_neighbours(hits: Sequence[Hit], text_between: TextBetween) -> tuple[Hit, ...]:
    """Hits that follow one another on the same page and in the same section as one; the others as they are.

    A merged hit stands at the place of its best part and keeps its id and its scores. Its text is literally the
    document's at `char_start:char_end`, and `Chunk.parts` tells the chunks it was made of.
    """
    merged: list[Hit] = []
    for run in _runs(hits):
        best = max(run, key=lambda hit: hit.score)
        merged.append(replace(best, chunk=_join(best.chunk, [hit.chunk for hit in run], text_between)))
    place = {hit.chunk.chunk_no: place for place, hit in enumerate(hits)}
    return tuple(sorted(merged, key=lambda hit: place[hit.chunk.chunk_no]))


def _runs(hits: Iterable[Hit]) -> list[list[Hit]]:
    runs: list[list[Hit]] = []
    for hit in sorted(hits, key=lambda hit: (hit.chunk.document_id, hit.chunk.ordinal)):
        if runs and _continues(runs[-1][-1].chunk, hit.chunk):
            runs[-1].append(hit)
        else:
            runs.append([hit])
    return runs


def _continues(chunk: Chunk, following: Chunk) -> bool:
    """Whether nothing but white space can be between them, and both are about the same."""
    same = (chunk.document_id, chunk.ordinal + 1, chunk.page, chunk.section)
    return same == (following.document_id, following.ordinal, following.page, following.section)


def _join(best: Chunk, parts: Sequence[Chunk], text_between: TextBetween) -> Chunk:
    if len(parts) == 1:
        return best
    text = parts[0].text
    for before, after in pairwise(parts):
        if after.char_start > before.char_end:
            text += text_between(after.document_id, before.char_end, after.char_start)
        text += after.text[max(0, before.char_end - after.char_start) :]
    return replace(
        best,
        ordinal=parts[0].ordinal,
        char_start=parts[0].char_start,
        char_end=parts[-1].char_end,
        text=text,
        parts=tuple(parts),
    )
