"""From a marker to its source, and a quote in its paragraph."""

from __future__ import annotations

import pytest

from tests.ui.fake_server import make_answer
from ui.quotation import SURROUNDINGS, quote_in_paragraph
from ui.source_links import find_source, source_link, source_links


@pytest.mark.parametrize("run_id", ["r1", "0b9e-4c", 'a)b "c" <d>', "ü_~-7"])
def test_a_link_leads_to_its_source_and_holds_nothing_that_markdown_reads(run_id: str) -> None:
    answer = make_answer(run_id=run_id)
    link = source_links(answer)[1]
    assert not set(link) & set(' ()<>"[]|`\\')
    assert find_source(link, [make_answer(run_id="other"), answer]) == (answer, 0)


@pytest.mark.parametrize(
    "link", ["", "#source-r1-2", "#source-r2-1", "#source-1", "#source-r1-1x", "http://e.example"]
)
def test_a_link_that_was_not_made_here_leads_nowhere(link: str) -> None:
    assert find_source(link, [make_answer()]) is None


def test_only_markers_with_a_citation_are_links() -> None:
    assert source_links(make_answer()) == {1: source_link("r1", 1)}


def test_a_quote_is_shown_in_its_paragraph_alone() -> None:
    text = "One.\n\nTwo begins.\nThe quote. Two ends.\n \nThree."
    start = text.index("The quote.")
    shown = quote_in_paragraph(text, start, start + len("The quote."))
    assert shown == ("Two begins.\n", "The quote.", " Two ends.")


def test_a_paragraph_without_end_is_cut_between_words() -> None:
    text = "word " * 1_000
    shown = quote_in_paragraph(text, 2_500, 2_504)
    assert shown is not None
    assert shown.quote == "word"
    assert shown.before.startswith("… word")
    assert shown.after.endswith("word …")
    assert len("".join(shown)) < 1_300


@pytest.mark.parametrize(("start", "end"), [(-1, 2), (2, 2), (3, 2), (0, 9)])
def test_a_span_outside_the_text_shows_nothing(start: int, end: int) -> None:
    assert quote_in_paragraph("Text.", start, end) is None


@pytest.mark.parametrize("text", ["word " * 900, "A paragraph of one line.\n\n" * 200, "x" * 3_000])
@pytest.mark.parametrize("start", [0, 1, 599, 600, 601, 602, 1_500, 2_390, 2_995])
def test_the_surroundings_of_a_quote_are_as_good_as_the_whole_text(text: str, start: int) -> None:
    end, begin = start + 5, max(start - SURROUNDINGS, 0)
    part = text[begin : end + SURROUNDINGS]
    assert quote_in_paragraph(part, start - begin, end - begin) == quote_in_paragraph(text, start, end)
