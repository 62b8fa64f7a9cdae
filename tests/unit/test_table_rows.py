"""A row of a table is said with the names of its columns, and only where these are certain."""

from __future__ import annotations

import time

import pytest

from app.chains.answer import answer
from app.chains.records import Question
from app.chains.table_rows import say_row
from app.chains.verify import verify
from app.knowledge.records import Hit
from app.models.reader import Reader
from tests.unit.chain_fakes import count_words, make_chunk

REPORT = """The year in figures
Key figure 2025 2024 Change
Revenue (€ million) 84.6 76.2 +11.0 %
Gross margin 48.0 % 46.5 % +1.5 points
Earnings per share (€) 1.48 1.06 +39.6 %
Employees 612 571 +41"""
STATEMENT = """Income statement (€ million) 2025 2024
Revenue 84.6 76.2
Costs
Cost of sales (44.0) (40.8)
Scope 1 and 2 2 3
Other – 0.1"""
HANDBOOK = """| Expense | Limit |
|---|---|
| hotel, per night | €150 (€190 [sic] in capital cities) |
| breakfast | |"""


def said(text: str, row: str) -> str | None:
    start = text.rindex(row)
    return say_row(text, start, start + len(row))


@pytest.mark.parametrize(
    ("text", "row", "words"),
    [
        (
            REPORT,
            "Revenue (€ million) 84.6 76.2 +11.0 %",
            "Revenue (€ million) – 2025: 84.6; 2024: 76.2; Change: +11.0 %",
        ),
        (
            REPORT,
            "Gross margin 48.0 % 46.5 % +1.5 points",
            "Gross margin – 2025: 48.0 %; 2024: 46.5 %; Change: +1.5 points",
        ),
        (
            REPORT,
            "Earnings per share (€) 1.48 1.06 +39.6 %",
            "Earnings per share (€) – 2025: 1.48; 2024: 1.06; Change: +39.6 %",
        ),
        (STATEMENT, "Revenue 84.6 76.2", "Revenue (€ million) – 2025: 84.6; 2024: 76.2"),
        (
            STATEMENT,
            "Cost of sales (44.0) (40.8)",
            "Cost of sales (€ million) – 2025: (44.0); 2024: (40.8)",
        ),
        (STATEMENT, "Other – 0.1", "Other (€ million) – 2025: –; 2024: 0.1"),
        (
            HANDBOOK,
            "| hotel, per night | €150 (€190 [sic] in capital cities) |",
            "hotel, per night – Limit: €150 (€190 (sic) in capital cities)",
        ),
    ],
)
def test_a_row_is_said_with_the_names_of_its_columns(text: str, row: str, words: str) -> None:
    assert said(text, row) == words


@pytest.mark.parametrize(
    ("text", "row"),
    [
        (STATEMENT, "Scope 1 and 2 2 3"),  # which of its numbers belong to the label is not certain
        (STATEMENT, "Income statement (€ million) 2025 2024"),
        (REPORT, "Key figure 2025 2024 Change"),
        ("Key figure 2025 2024\nRevenue has grown every year since it was founded.\nCosts 3 4", "Costs 3 4"),
        ("Key figure 2025 2024\n\nCosts 3 4", "Costs 3 4"),
        ("Key figure 2025 2024\nCosts 3 4 5", "Costs 3 4 5"),
        ("Key figure 2025 2024\nCosts 3", "Costs 3"),
        ("Costs 3 4", "Costs 3 4"),
        (HANDBOOK, "| breakfast | |"),
        (HANDBOOK, "| Expense | Limit |"),
        ("| hotel | €150 |\n| train | €90 |", "| train | €90 |"),
        ("| a | b | c |\n|---|---|---|\n| hotel | €150 |", "| hotel | €150 |"),
        ("Dogs are kept on a leash.", "Dogs are kept on a leash."),
    ],
)
def test_where_the_columns_are_not_certain_nothing_is_made_up(text: str, row: str) -> None:
    assert said(text, row) is None


@pytest.mark.parametrize(
    ("text", "question", "shown", "quote"),
    [
        (
            REPORT,
            "How large was the revenue in 2025?",
            "2025: 84.6;",
            "Revenue (€ million) 84.6 76.2 +11.0 %",
        ),
        (
            HANDBOOK,
            "What is the limit for a hotel per night?",
            "hotel, per night – Limit: €150",
            "| hotel, per night | €150 (€190 [sic] in capital cities) |",
        ),
    ],
)
async def test_the_citation_is_the_row_as_it_stands(text: str, question: str, shown: str, quote: str) -> None:
    hits = [Hit(make_chunk(text), 0.9, None, None)]
    draft = await answer(Question(question, question), hits, model=None, reader=Reader(count_words))
    verified = verify(draft, text_of=lambda _: text)
    assert shown in verified.answer
    assert (verified.citations[0].quote, verified.citations[0].verified) == (quote, True)


def test_a_hostile_row_takes_no_time() -> None:
    started = time.perf_counter()
    for piece in ("a 1 ", "1 ", "( ", "2025 ", "| ", "a-"):
        line = piece * 100
        text = "Key figure 2025 2024 Change\n" + (line + "\n") * 200 + line
        say_row(text, len(text) - len(line), len(text))
    assert time.perf_counter() - started < 1
