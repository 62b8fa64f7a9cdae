"""Words that a model names with a marker: located in the source, or the marker is not believed."""

from __future__ import annotations

import time

import pytest

from app.chains.records import Draft
from app.chains.source_markers import SourceMarkers
from app.chains.verify import verify
from app.schemas import Citation
from tests.unit.chain_fakes import Library

LIBRARY = Library(
    {
        "lease": "The lease began on 1 March 2021. The tenant pays 1,450 euros each month.\n\n"
        "Either party may end the lease with a notice period of three months. Notice is given in writing [sic].",
        "garden": "The garden is shared by all tenants. Dogs must be kept on a leash in the garden.",
    }
)
EVIDENCE = LIBRARY.evidence()


def checked(text: str) -> tuple[str, list[Citation]]:
    markers = SourceMarkers(EVIDENCE)
    draft = Draft(text=markers.rewrite(text), quotes=markers.quotes, refused=False, mode="llm", model="m")
    verified = verify(draft, text_of=LIBRARY.text_of)
    return verified.answer, verified.citations


def test_the_sentence_that_the_model_names_is_the_quote() -> None:
    answer, citations = checked(
        'The rent is 1,450 euros [1: "pays 1,450 euros"]. It began in 2021 [1: "1 March 2021"].'
    )
    assert answer == "The rent is 1,450 euros [1]. It began in 2021 [2]."
    assert [citation.quote for citation in citations] == [
        "The tenant pays 1,450 euros each month.",
        "The lease began on 1 March 2021.",
    ]
    assert all(citation.verified for citation in citations)


def test_the_same_words_again_are_the_same_citation() -> None:
    answer, citations = checked('Rent: 1,450 euros [1: "1,450 euros"]. Each month [1: "each month"].')
    assert answer == "Rent: 1,450 euros [1]. Each month [1]."
    assert len(citations) == 1


@pytest.mark.parametrize(
    ("written", "quote"),
    [
        (
            '[2: "may end the lease … three months"]',
            "Either party may end the lease with a notice period of three months.",
        ),
        (
            "[ 2 “notice period of three months” ]",
            "Either party may end the lease with a notice period of three months.",
        ),
        ('[2, "is given in writing [sic]."]', "Notice is given in writing [sic]."),
        ('[1: "Dogs must be kept on a leash"]', "Dogs must be kept on a leash in the garden."),
        ('[99: "shared by all tenants"]', "The garden is shared by all tenants."),
    ],
)
def test_words_are_found_however_they_are_given(written: str, quote: str) -> None:
    answer, citations = checked(f"So it is {written}.")
    assert answer == "So it is [1]."
    assert [citation.quote for citation in citations] == [quote]


def test_invented_words_cost_a_claim_its_marker_unless_its_source_supports_it() -> None:
    answer, citations = checked(
        'The landlord owns a yacht in Monaco [1: "a yacht in Monaco"]. '
        'The tenant pays 1,450 euros each month [1: "tenant owes 1,450"]. Nothing [77: "no such words"].'
    )
    assert (
        answer == "The landlord owns a yacht in Monaco. The tenant pays 1,450 euros each month [1]. Nothing."
    )
    assert [citation.quote for citation in citations] == ["The tenant pays 1,450 euros each month."]


def test_a_model_that_names_no_words_is_cited_as_ever() -> None:
    answer, citations = checked("Dogs are kept on a leash [3].")
    assert answer == "Dogs are kept on a leash [1]."
    assert citations[0].quote == "Dogs must be kept on a leash in the garden."


def test_a_marker_that_was_cut_off_is_closed() -> None:
    assert SourceMarkers(EVIDENCE).rewrite('The rent [1: "1,450 eu') == "The rent [1]"


def test_pieces_have_the_numbers_of_the_whole() -> None:
    pieces = ["A [3]. ", 'B [1: "1,450 euros"]. ', "C [2, 3]. ", "D [1] [9]. ", 'E [1: "each month"].']
    markers = SourceMarkers(EVIDENCE)
    assert "".join(map(markers.rewrite, pieces)) == SourceMarkers(EVIDENCE).rewrite("".join(pieces))
    assert "".join(map(SourceMarkers(EVIDENCE).rewrite, pieces[:1])) == "A [1]. "
    assert [quote.marker for quote in markers.quotes] == [1, 2, 3, 4]


@pytest.mark.parametrize(
    "text", ['[1: "' * 20_000, '[1: "x' * 20_000, "[" * 100_000, '[1: "' + "x" * 100_000]
)
def test_hostile_text_takes_linear_time(text: str) -> None:
    started = time.perf_counter()
    SourceMarkers(EVIDENCE).rewrite(text)
    assert time.perf_counter() - started < 5


def test_what_becomes_code_by_a_removal_is_not_cited() -> None:
    assert checked('```[2]`[1: "a yacht in Monaco"]``') == ("```[1]```", [])


COMMANDS = Library(
    {"manual": "Run `make check` before every commit. A failed `make test` stops the release."}
)


@pytest.mark.parametrize(
    ("written", "answer", "quotes"),
    [
        (
            'Before a commit [1: "Run `make check` before every commit"].',
            "Before a commit [1].",
            ["Run `make check` before every commit."],
        ),
        (
            'Releases stop [1: "A failed `make test` stops"] and [1: "Run `make check`"].',
            "Releases stop [1] and [2].",
            ["A failed `make test` stops the release.", "Run `make check` before every commit."],
        ),
        ('In code it stays, as in `[1: "Run"]`.', 'In code it stays, as in `[1: "Run"]`.', []),
        ('Cut off [1: "Run `make che', "Cut off [1]", [""]),
    ],
)
def test_the_words_may_hold_code(written: str, answer: str, quotes: list[str]) -> None:
    markers = SourceMarkers(COMMANDS.evidence())
    text = markers.rewrite(written)
    assert text == answer
    assert [quote.text for quote in markers.quotes] == quotes


def test_words_named_behind_an_exclamation_mark_are_no_image() -> None:
    answer, citations = checked('The rent is 1,450 euros![1: "pays 1,450 euros"](')
    assert answer == "The rent is 1,450 euros![1]"
    assert [citation.quote for citation in citations] == ["The tenant pays 1,450 euros each month."]
