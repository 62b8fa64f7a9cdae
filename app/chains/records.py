"""What the chains hand to each other: questions with their history, drafts with markers, verified answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from app.knowledge.records import Chunk, Hit
from app.schemas import Citation, Coverage, Mode

Evidence: TypeAlias = Sequence[Hit]
"""Retrieved chunks, best first; the marker `[n]` of a model's draft means the n-th of them."""


@dataclass(frozen=True)
class Turn:
    """One earlier exchange of a thread, oldest first wherever several stand together."""

    question: str
    answer: str


@dataclass(frozen=True)
class Question:
    """What the user asked and, beside it, the same question readable without the conversation before it."""

    text: str
    standalone: str
    history: tuple[Turn, ...] = ()


@dataclass(frozen=True)
class Finding:
    """One sub-question of a research and the evidence that was found for it.

    A query that followed something found on the way has no section of its own in the report.
    """

    question: str
    evidence: tuple[Hit, ...]
    is_follow_up: bool = False


@dataclass(frozen=True)
class Quote:
    """What a marker of a draft points to.

    `text` is the cited sentence where the draft was extracted from the chunk or the model has named it, and empty
    where a model cited the whole chunk: `verify` then looks for the passage that supports the claim. `shown` is how
    the draft writes it where it leaves something out: pieces of it, with semicolons between them. One that
    `is_doubtful` stays only where its chunk supports the claim: the model has named words that no source has.
    """

    marker: int
    chunk: Chunk
    score: float
    text: str = ""
    shown: str = ""
    is_doubtful: bool = False


@dataclass(frozen=True)
class Draft:
    """An answer before its citations are checked.

    `degraded` holds codes of `app.errors`; `nearest` the passages that a refusal points to;
    `evidence` all that were read; `calculated` the numbers, as `app.models.terms.numbers` spells them, that no source
    need hold.
    """

    text: str
    quotes: tuple[Quote, ...]
    refused: bool
    mode: Mode
    model: str
    degraded: tuple[str, ...] = ()
    nearest: tuple[Hit, ...] = ()
    evidence: tuple[Hit, ...] = ()
    coverage: Coverage | None = None
    calculated: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Verified:
    """An answer whose markers 1..n and citations correspond one to one."""

    answer: str
    citations: list[Citation]


class TokenSink(Protocol):
    """Receives an answer while it is being written; both methods return at once and never block."""

    def token(self, text: str) -> None: ...

    def reset(self, reason: str) -> None:
        """What was streamed is void: the model failed with the code `reason`, another answer follows."""
