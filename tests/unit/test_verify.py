"""Whatever a model writes, markers and citations correspond and every verified quote is where it says."""

from __future__ import annotations

import random
import re

import pytest

from app.chains.records import Draft, Quote, Verified
from app.chains.verify import verify
from app.errors import UnknownDocument
from app.knowledge.records import Chunk
from tests.unit.chain_fakes import Library, make_chunk

LEASE = (
    "The lease began on 1 March 2021. The tenant pays 1,450 euros each month.\n\n"
    "Either party may end the lease with a notice period of three months. Notice has to be given in writing."
    "\n\nThe deposit amounts to 4,350 euros. It is returned within 90 days of moving out."
)


@pytest.fixture
def library() -> Library:
    return Library({"lease": LEASE})


def check(text: str, library: Library) -> Verified:
    quotes = tuple(Quote(n, chunk, 0.5) for n, chunk in enumerate(library.chunks, start=1))
    draft = Draft(text=text, quotes=quotes, refused=False, mode="llm", model="m")
    return verify(draft, text_of=library.text_of)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("Rent is due [1].", "Rent is due [1]."),
        ("Rent is due [7].", "Rent is due."),
        ("Rent is due [0].", "Rent is due."),
        ("Rent is due [1][1].", "Rent is due [1]."),
        ("Rent [1, 2].", "Rent [1][2]."),
        ("Rent [1-3].", "Rent [1][2][3]."),
        ("Rent [1–9].", "Rent [1][2][3]."),
        ("Rent [ 2 ].", "Rent [1]."),
        ("Rent 【1】.", "Rent [1]."),
        ("Rent 【2†lease.txt】.", "Rent [1]."),
        ("Rent [^1] [source 2].", "Rent [1][2]."),
        ("Rent [1](http://example.org/x).", "Rent [1]."),
        ("Notice [3], rent [1], again [3].", "Notice [1], rent [2], again [1]."),
        ("Rent [[9]1].", "Rent [1]."),
        ("Rent [[9]7].", "Rent."),
        ("Rent [[9]1, 2].", "Rent [1][2]."),
        ("Rent [[1]].", "Rent [[1]]."),
        ("Rent.\n\n[1]: http://example.org/x\n", "Rent."),
        ("Rent `r` [1]: due\nnow", "Rent `r` [1]: due\nnow"),
        ("It is due![1](http://example.org/pixel.png)", "It is due![1]"),
        ("See ![chart 1](http://example.org/pixel.png).", "See chart 1."),
        ("Use `a[1]` here [2].", "Use `a[1]` here [1]."),
        ("```\na[1]\n```\nRent [2].", "```\na[1]\n```\nRent [1]."),
        ("Rent [" + "9" * 5000 + "].", "Rent."),
        ("Nothing cited.", "Nothing cited."),
    ],
)
def test_markers_become_plain_and_point_to_a_source(written: str, expected: str, library: Library) -> None:
    assert check(written, library).answer == expected


def test_no_marker_dangles_whatever_the_model_writes(library: Library) -> None:
    chance = random.Random(20_261_123)
    pieces = [
        "[",
        "]",
        "1",
        "2",
        "3",
        "9",
        "0",
        ",",
        "-",
        " ",
        "【",
        "】",
        "^",
        "†",
        "(",
        ")",
        "[1]",
        "[9]",
        "a.",
        "\n",
    ]
    pieces += ["!", ":", "http://x", "source ", "\ue000", "\ue001", "٣", " and ", ";", "[2](x)"]
    for _ in range(3_000):
        text = "".join(chance.choices(pieces, k=chance.randint(1, 25)))
        verified = check(text, library)
        markers = {int(number) for number in re.findall(r"\[(\d+)\]", verified.answer)}
        assert markers == {citation.marker for citation in verified.citations}, text
        assert sorted(markers) == list(range(1, len(markers) + 1)), text


def test_a_quote_is_the_sentence_that_supports_the_claim_at_its_place_in_the_document(
    library: Library,
) -> None:
    verified = check("The notice period is three months [2].", library)
    (citation,) = verified.citations
    assert citation.quote == "Either party may end the lease with a notice period of three months."
    assert LEASE[citation.char_start : citation.char_end] == citation.quote
    assert citation.verified
    assert (citation.page, citation.document_name, citation.score) == (2, "lease.txt", 0.5)


def test_a_marker_behind_the_full_stop_belongs_to_the_sentence_before(library: Library) -> None:
    verified = check("The deposit is 4,350 euros. [3] The notice period is three months. [2]", library)
    assert [citation.quote.split()[1] for citation in verified.citations] == ["deposit", "party"]
    assert all(citation.verified for citation in verified.citations)


@pytest.mark.parametrize(
    "claim",
    [
        "The tenant pays 1,650 euros each month [1].",  # a wrong number
        "Elephants live in herds led by an old female [1].",  # another subject
    ],
)
def test_a_claim_that_its_source_does_not_support_is_not_verified(claim: str, library: Library) -> None:
    (citation,) = check(claim, library).citations
    assert not citation.verified
    assert LEASE[citation.char_start : citation.char_end] == citation.quote


def test_numbers_are_compared_by_value(library: Library) -> None:
    (citation,) = check("The tenant pays 1450.00 euros each month [1].", library).citations
    assert citation.verified


def test_of_several_claims_the_best_supported_gives_the_quote(library: Library) -> None:
    verified = check("Something vague is said [2]. Notice has to be given in writing [2].", library)
    (citation,) = verified.citations
    assert citation.quote == "Notice has to be given in writing."


def test_what_the_model_quotes_is_found_despite_line_breaks_hyphens_and_ligatures() -> None:
    text = "Preface. The ﬁnal pay-\nment of the   loan is due on\n5 May. Other things follow here."
    library = Library({"loan": text})
    (citation,) = check("It says “the final payment of the loan is due on 5 May” [1].", library).citations
    assert citation.quote == "The ﬁnal pay-\nment of the   loan is due on\n5 May"
    assert text[citation.char_start : citation.char_end] == citation.quote
    assert citation.verified


def test_what_the_model_quotes_is_found_although_brackets_were_kept_from_it() -> None:
    library = Library(
        {"trial": "It was tried. Herons tremble less [3, 4], see questions[2].answer. It is new."}
    )
    (citation,) = check(
        "Result: “Herons tremble less (3, 4), see questions(2).answer.” [1]", library
    ).citations
    assert citation.quote == "Herons tremble less [3, 4], see questions[2].answer."
    assert citation.verified


def test_a_chunk_that_has_moved_in_its_document_is_found_again() -> None:
    library = Library({"lease": "New first line.\n" + LEASE})
    moved = make_chunk("Notice has to be given in writing.", document_id="lease", start=3)
    (citation,) = _cite(moved, "Notice has to be given in writing [1].", library).citations
    assert library.texts["lease"][citation.char_start : citation.char_end] == citation.quote
    assert citation.verified


def test_a_quote_that_is_nowhere_in_the_stored_text_is_not_verified(library: Library) -> None:
    invented = make_chunk("The landlord likes tea.", document_id="lease")
    (citation,) = _cite(invented, "The landlord likes tea [1].", library).citations
    assert not citation.verified


def test_a_document_deleted_meanwhile_is_cited_without_being_verified() -> None:
    def text_of(document_id: str) -> str:
        raise UnknownDocument(f"no document {document_id!r}")

    quote = Quote(1, make_chunk("Rent is 5 euros."), 0.5)
    draft = Draft(text="Rent is 5 euros [1].", quotes=(quote,), refused=False, mode="llm", model="m")
    (citation,) = verify(draft, text_of=text_of).citations
    assert not citation.verified
    assert citation.quote == "Rent is 5 euros."


def _cite(chunk: Chunk, text: str, library: Library) -> Verified:
    draft = Draft(text=text, quotes=(Quote(1, chunk, 0.5),), refused=False, mode="llm", model="m")
    return verify(draft, text_of=library.text_of)


def test_a_claim_begins_behind_the_marker_before_it_even_without_a_full_stop() -> None:
    library = Library({"report": "Revenue 84.6 76.2\n\nMore than half depends on public budgets."})
    verified = check("Revenue 84.6 76.2 [1] More than half depends on public budgets. [2]", library)
    assert [citation.verified for citation in verified.citations] == [True, True]


def test_a_sentence_that_goes_on_behind_a_marker_is_one_claim(library: Library) -> None:
    verified = check("The rent of 9,999 euros [1] is paid by the tenant each month [2].", library)
    assert [citation.verified for citation in verified.citations] == [False, False]


def test_markers_side_by_side_share_their_claim(library: Library) -> None:
    verified = check("Notice is given in writing. [2] The deposit is 4,350 euros. [1][3]", library)
    assert [citation.verified for citation in verified.citations] == [True, False, True]


def extracted(statement: str, chunk: Chunk, quote: str) -> Verified:
    quotes = (Quote(1, chunk, 0.5, quote),)
    draft = Draft(text=f"{statement} [1]", quotes=quotes, refused=False, mode="demo", model="extractive")
    return verify(draft, text_of=lambda _: chunk.text)


def test_what_was_extracted_literally_supports_itself() -> None:
    rows = [make_chunk(row, document_id=row) for row in ("revenue 84.6 76.2", "net debt 14.3 17.9")]
    quotes = tuple(Quote(n, chunk, 0.5, chunk.text) for n, chunk in enumerate(rows, start=1))
    text = " ".join(f"{quote.text} [{quote.marker}]" for quote in quotes)
    draft = Draft(text=text, quotes=quotes, refused=False, mode="demo", model="extractive")
    verified = verify(draft, text_of=lambda document_id: document_id)
    assert [citation.verified for citation in verified.citations] == [True, True]
    chunk = make_chunk("items[12].spare_parts_2031: yes\nitems[12].name: Tern")
    (citation,) = extracted("spare parts 2031: yes; name: Tern", chunk, chunk.text).citations
    assert (citation.verified, citation.quote) == (True, chunk.text)
    (citation,) = extracted("spare parts 2032: yes; name: Tern", chunk, chunk.text).citations
    assert not citation.verified
    (citation,) = extracted(
        "The price is 5 euros.", make_chunk("Tea is cheap."), "The price is 5 euros."
    ).citations
    assert not citation.verified
