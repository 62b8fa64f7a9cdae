"""Chunks that were cut apart are read together again."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from app.chains.records import Draft, Quote
from app.chains.verify import verify
from app.knowledge import Knowledge
from app.knowledge.neighbours import merge_neighbours
from app.knowledge.records import Hit, NewChunk
from tests.knowledge_base import DIMENSION, fake_model, open_test_knowledge

TEXT = "The lease runs for five years.\n\n\tIt may be renewed once. The rent is 900 euros.\nNobody sublets the rooms."
CUTS = [
    "The lease runs for five years.",
    "It may be renewed once. The rent is 900 euros.",
    "The rent is 900 euros.\nNobody sublets the rooms.",
]


@pytest.fixture
def knowledge(tmp_path: Path) -> Iterator[Knowledge]:
    with open_test_knowledge(tmp_path, fake_model()) as opened:
        yield opened


def add(
    knowledge: Knowledge, *, pages: tuple[int, ...] = (1, 1, 1), sections: tuple[str, ...] = ("", "", "")
) -> list[Hit]:
    """The chunks of a document as hits, the later the better."""
    store = knowledge.store
    info = store.begin_document(
        f"{TEXT}{pages}{sections}".encode(), name="lease.txt", collection="default", media_type="text/plain"
    )
    chunks = [
        NewChunk(cut, page, TEXT.index(cut), TEXT.index(cut) + len(cut), section)
        for cut, page, section in zip(CUTS, pages, sections, strict=True)
    ]
    vectors = fake_model().embed(CUTS)
    assert vectors.shape == (3, DIMENSION)
    store.commit_document(
        info.document_id, text=TEXT, chunks=chunks, vectors=vectors, embedding_model=fake_model().name
    )
    stored = store.chunks([info.document_id])
    return [Hit(chunk, 0.5 + place / 10, None, None) for place, chunk in enumerate(stored)]


def merged(knowledge: Knowledge, hits: list[Hit]) -> list[Hit]:
    return list(merge_neighbours(hits, knowledge.store.text_between))


def test_what_follows_one_another_becomes_one_with_the_literal_text(knowledge: Knowledge) -> None:
    hits = add(knowledge)
    (one,) = merged(knowledge, [hits[2], hits[0], hits[1]])
    assert one.chunk.text == TEXT
    assert (one.chunk.char_start, one.chunk.char_end) == (0, len(TEXT))
    assert (one.chunk.chunk_id, one.score) == (hits[2].chunk.chunk_id, hits[2].score)


def test_a_gap_a_page_or_a_section_keeps_them_apart(knowledge: Knowledge) -> None:
    hits = add(knowledge)
    assert merged(knowledge, [hits[2], hits[0]]) == [hits[2], hits[0]]
    assert len(merged(knowledge, add(knowledge, pages=(1, 2, 3)))) == 3
    assert len(merged(knowledge, add(knowledge, sections=("Term", "Rent", "Rent")))) == 2


def test_documents_never_mix_and_the_best_stays_first(knowledge: Knowledge) -> None:
    one, other = add(knowledge), add(knowledge, pages=(7, 7, 7))
    found = merged(knowledge, [one[1], other[1], one[0], other[2]])
    assert [hit.chunk.document_id for hit in found] == [one[0].chunk.document_id, other[0].chunk.document_id]
    assert [hit.chunk.text for hit in found] == [TEXT[: TEXT.index("\nNobody")], TEXT[TEXT.index("It may") :]]


@pytest.mark.parametrize(
    ("claim", "part", "quote"),
    [
        ("The lease runs for five years", 0, CUTS[0]),
        ("Nobody sublets", 2, "Nobody sublets the rooms."),
    ],
)
def test_a_citation_names_the_chunk_in_which_it_stands(
    knowledge: Knowledge, claim: str, part: int, quote: str
) -> None:
    hits = add(knowledge)
    (one,) = merged(knowledge, hits)
    draft = Draft(f"{claim} [1].", (Quote(1, one.chunk, one.score),), False, "llm", "stub")
    (citation,) = verify(draft, text_of=knowledge.store.document_text).citations
    assert (citation.chunk_id, citation.quote, citation.verified) == (hits[part].chunk.chunk_id, quote, True)
    assert TEXT[citation.char_start : citation.char_end] == quote
