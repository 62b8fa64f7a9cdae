"""What an agent says of the step that it is in."""

from __future__ import annotations

from dataclasses import replace

import pytest

from app.agents.base import describe_reading
from app.knowledge.records import Hit
from tests.unit.chain_fakes import Library

LIBRARY = Library({"report": "One. Two. Three.", "lease": "The rent is due on the third day."})


def hits(*places: tuple[str, int | None]) -> list[Hit]:
    known = {hit.chunk.document_id: hit for hit in LIBRARY.evidence()}
    return [
        replace(known[document], chunk=replace(known[document].chunk, page=page)) for document, page in places
    ]


@pytest.mark.parametrize(
    ("places", "said"),
    [
        (
            [("report", 12), ("report", 14), ("report", 13), ("report", 3)],
            "Reading pages 3, 12–14 of report.txt",
        ),
        ([("report", 7), ("report", 7)], "Reading page 7 of report.txt"),
        ([("report", None)], "Reading 1 passage"),
        ([("report", 2), ("lease", None), ("report", 3)], "Reading 3 passages of 2 documents"),
        ([], "Reading 0 passages"),
    ],
)
def test_what_is_read_is_named_by_its_pages(places: list[tuple[str, int | None]], said: str) -> None:
    assert describe_reading(hits(*places)) == said


def test_passages_that_were_merged_are_read_with_all_their_pages() -> None:
    (hit,) = hits(("report", 4))
    merged = replace(hit.chunk, parts=(hit.chunk, replace(hit.chunk, page=5)))
    assert describe_reading([replace(hit, chunk=merged)]) == "Reading pages 4–5 of report.txt"
