"""What the chains share about evidence: how it is read, cited and pointed to when it does not answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.chains.markers import quote_plainly
from app.chains.prompts import REFUSAL, describe_place
from app.chains.records import Draft, Evidence, Quote
from app.errors import ModelContextExceeded
from app.knowledge.records import Hit
from app.models.candidates import Passage

DEMO_MODEL = "extractive"
"""The name under which the demo engine answers."""

_CLOSEST_PASSAGES = 3
_CLOSE_SCORE = 0.2
"""Passages below are hardly worth a look: of 72 refused questions of SQuAD 2 about another collection 49 have none
as near, of 4 about their own all have."""
_CLOSEST_CHARS = 160


async def ask_with_less(ask: Callable[[Evidence], Awaitable[Draft]], evidence: Evidence) -> Draft:
    """Ask with all evidence, and once more with its better half when that is too long for the model.

    Raises:
        ModelError: the model failed, or half is too much as well.
    """
    try:
        return await ask(evidence)
    except ModelContextExceeded:
        if len(evidence) < 2:
            raise
        return await ask(evidence[: len(evidence) // 2])


def read_passages(evidence: Evidence) -> list[Passage]:
    """Evidence as the reader takes it; what a chunk is about is its document's name and its section."""
    return [
        Passage(hit.chunk.text, hit.score, f"{hit.chunk.document_name} {hit.chunk.section or ''}")
        for hit in evidence
    ]


def read_text(evidence: Evidence) -> str:
    """All that the sources say, in which an address must stand to be known."""
    return "\n".join(hit.chunk.text for hit in evidence)


def cite_quote(quote: Quote) -> str:
    return f"{quote.shown or quote_plainly(quote.text)} [{quote.marker}]"


def refusal_text(evidence: Evidence) -> str:
    """The refusal, and where to look all the same; it holds no markers, since it claims nothing."""
    return "\n\n".join(filter(None, [REFUSAL, closest_passages(evidence)]))


def nearest(evidence: Evidence) -> tuple[Hit, ...]:
    """What a refusal shows of the evidence."""
    best = max((hit.score for hit in evidence), default=0.0)
    near = [hit for hit in evidence if hit.score >= max(_CLOSE_SCORE, best / 2)]
    return tuple(near[:_CLOSEST_PASSAGES])


def closest_passages(evidence: Evidence) -> str:
    """Up to three passages that are near enough to be worth a look; empty when none is."""
    lines = [
        f"- {quote_plainly(describe_place(hit.chunk))}: “{_beginning(hit.chunk.text)}”"
        for hit in nearest(evidence)
    ]
    return "\n".join(["Closest passages:", *dict.fromkeys(lines)]) if lines else ""


def _beginning(text: str) -> str:
    line = quote_plainly(text)
    return line if len(line) <= _CLOSEST_CHARS else line[:_CLOSEST_CHARS].rsplit(" ", 1)[0] + " …"


def is_refusal(text: str) -> bool:
    """The refusal sentence, alone or followed by an apology, and no statement that cites something."""
    return text.strip().strip("\"'*").startswith(REFUSAL.rstrip(".")) and "[" not in text
