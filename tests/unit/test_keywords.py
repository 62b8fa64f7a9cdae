"""Keywords are the phrases that a text comes back to, as it writes them."""

from __future__ import annotations

import pytest

from app.models.keywords import MAX_KEYWORDS, extract_keywords

REPORT = (
    "The harbour warehouse of Carrow Bay burned down. Insurance for the harbour warehouse was renewed in May. "
    "Those who live in Carrow Bay want the Harbour Warehouse back; the harbour warehouses of others were spared. "
)


def test_phrases_that_recur_come_first_in_their_usual_form() -> None:
    found = extract_keywords(REPORT)
    assert found[:2] == ["harbour warehouse", "Carrow Bay"]
    assert "harbour" not in found
    assert len(found) <= MAX_KEYWORDS


def test_of_a_short_text_names_count_once() -> None:
    assert "Ada Lovelace" in extract_keywords("A letter to Ada Lovelace about engines.")


@pytest.mark.parametrize("text", ["", " \n", "12 34 — …", "the of and", "\x00", "是的" * 50, "x" * 100_000])
def test_any_text_gives_few_or_none(text: str) -> None:
    found = extract_keywords(text)
    assert len(found) <= MAX_KEYWORDS
    assert all(keyword.strip() for keyword in found)
