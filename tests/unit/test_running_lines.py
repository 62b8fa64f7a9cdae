"""Running headers and footers are told from what a page says."""

from __future__ import annotations

from app.ingestion.parsed import join_pages
from app.ingestion.running_lines import body_spans


def bodies(pages: list[str]) -> list[str]:
    text, spans = join_pages(pages)
    return [text[start:end] for start, end in body_spans(text, spans)]


def test_repeated_lines_at_the_edges_are_left_out() -> None:
    said = [f"What page {word} says.\nMore of {word}." for word in "abcdef"]
    pages = [
        f"Larkfield · Annual Report\n\n{body}\nLarkfield plc {n}" for n, body in enumerate(said, start=1)
    ]

    assert bodies(pages) == said


def test_page_numbers_of_their_own_line_are_left_out() -> None:
    assert bodies([f"Text of {word}.\n- {n} -" for n, word in enumerate("abcdef", start=7)]) == [
        f"Text of {word}." for word in "abcdef"
    ]


def test_what_stands_on_few_pages_only_is_kept() -> None:
    pages = ["Draft\nOne.", "Draft\nTwo.", "Draft\nThree.", "Four.", "Five.", "Six.", "Seven."]

    assert bodies(pages) == pages


def test_a_page_of_such_lines_alone_is_kept_whole() -> None:
    pages = [f"Tag {n}" for n in range(8)]

    assert bodies(pages) == pages


def test_a_repeated_line_within_the_page_is_kept() -> None:
    pages = [f"Head {n}a.\nb {n}x.\nThe same everywhere.\ny{n}y.\nz{n}z." for n in range(6)]

    assert bodies(pages) == pages


def test_pages_without_text_and_no_pages_at_all() -> None:
    assert bodies(["", "Only this.", ""]) == ["", "Only this.", ""]
    assert body_spans("No pages.", ()) == []
