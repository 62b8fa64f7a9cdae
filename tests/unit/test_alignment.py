"""Finding stored text among the characters of a page, however much the two differ."""

from __future__ import annotations

import pytest

from app.ingestion.alignment import align


def shown(stored: str, quote: str, drawn: str, *, occurrence: int = 0) -> tuple[list[str], float]:
    """What is marked for the n-th occurrence of the quote, and the share that was found."""
    start = -1
    for _ in range(occurrence + 1):
        start = stored.index(quote, start + 1)
    found = align(stored, (start, start + len(quote)), list(drawn))
    return [drawn[first:last] for first, last in found.runs], found.share


@pytest.mark.parametrize(
    ("stored", "quote", "drawn", "marked"),
    [
        ("The rent is due.", "rent is", "The rent is due.", "rent is"),
        ("a dangerous road", "dangerous road", "a dan\x02gerous\r\nroad", "dan\x02gerous\r\nroad"),
        ("an efficient office", "efficient office", "an e\ufb03cient o\ufb03ce", "e\ufb03cient o\ufb03ce"),
        ("two  words", "two  words", "two\r\nwords", "two\r\nwords"),
        ("Café Müller", "Café Müller", "Cafe\u0301 Mu\u0308ller", "Cafe\u0301 Mu\u0308ller"),
        ("It costs ($ 5).", "($ 5).", "It costs ($ 5). More", "($ 5)."),
    ],
)
def test_what_was_mended_is_found(stored: str, quote: str, drawn: str, marked: str) -> None:
    assert shown(stored, quote, drawn) == ([marked], 1.0)


def test_of_words_that_come_again_the_right_ones_are_found() -> None:
    stored = "Total 5 then Total 6 then Total 7"
    drawn = "Page 1. Total 5 then Total 6 then Total 7"
    start = stored.index("Total 6")

    assert align(stored, (start, start + 5), list(drawn)).runs == ((21, 26),)


def test_columns_in_another_order_are_found_in_parts() -> None:
    stored = "The left column speaks of rent. The right column speaks of notice."
    drawn = "The right column speaks of notice. The left column speaks of rent."

    marked, share = shown(stored, stored, drawn)
    assert "".join(marked).replace(" ", "").startswith("Theleftcolumn")
    assert share > 0.9


def test_a_word_that_was_read_otherwise_costs_only_itself() -> None:
    marked, share = shown(
        "The notice period is six weeks to the end",
        "notice period is six weeks to the end",
        "The notice period is s1x weeks to the end",
    )
    assert marked[0].startswith("notice period")
    assert 0.8 < share < 1


@pytest.mark.parametrize(
    ("stored", "quote", "drawn"),
    [
        ("What is written here", "written here", "Something else altogether"),
        ("--- ***", "--- ***", "--- ***"),
        ("written", "written", ""),
    ],
)
def test_what_is_not_there_is_not_marked(stored: str, quote: str, drawn: str) -> None:
    assert shown(stored, quote, drawn) == ([], 0.0)


def test_hidden_characters_are_passed_over() -> None:
    stored = "seen words"
    drawn = [*"seen", "", "", *" words"]

    assert align(stored, (0, len(stored)), drawn).share == 1.0
