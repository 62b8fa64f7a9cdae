"""Whether a follow-up finds what the same question finds when it is asked in full, on the sample documents."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from app.api.services import Services
from app.chains.condense import condense
from app.chains.records import Turn
from app.runs import RunRequest
from benchmarks.datasets import PROJECT
from benchmarks.service import say

_FOLLOW_UPS = PROJECT / "tests" / "fixtures" / "sample_follow_ups.jsonl"
_FIRST = 3
"""So many chunks are looked at: of four documents, six would hold most of what there is."""


@dataclass(frozen=True)
class FollowUpResult:
    """`found` is the share of the follow-ups whose full question finds its document and page that find it too.

    `as_asked` is the same without making them stand alone.
    """

    questions: int
    findable: int
    found: float
    as_asked: float
    misses: tuple[str, ...]

    def figures(self) -> dict[str, float]:
        return {"samples.follow_ups_found": self.found}


async def evaluate_follow_ups(services: Services) -> FollowUpResult:
    """Ask each first question, then search for its follow-up; the samples are indexed already."""
    rows = [json.loads(line) for line in _FOLLOW_UPS.read_text(encoding="utf-8").splitlines()]
    say(f"samples: asking {len(rows)} follow-ups")
    findable = [row for row in rows if _finds(row["full"], row, services)]
    found: list[bool] = []
    as_asked: list[bool] = []
    misses: list[str] = []
    for row in findable:
        before = await services.runner.run(RunRequest(row["first"], agent="qa"))
        history = (Turn(row["first"], before.answer),)
        condensed = await condense(row["follow_up"], history, model=services.chat_model)
        found.append(_finds(condensed.text, row, services))
        as_asked.append(_finds(row["follow_up"], row, services))
        if not found[-1]:
            misses.append(f"{row['first']} — {row['follow_up']} — read as: {condensed.text}")
    count = len(findable)
    return FollowUpResult(len(rows), count, sum(found) / count, sum(as_asked) / count, tuple(misses))


def _finds(question: str, row: dict[str, Any], services: Services) -> bool:
    hits = services.knowledge.retriever.search(question, k=_FIRST).hits
    places = [(hit.chunk.document_name, hit.chunk.page) for hit in hits]
    return (row["document"], row["page"]) in places
