"""Statements become the questions that they answer; what is not clearly a statement becomes none."""

from __future__ import annotations

import pytest

from app.chains.question_sources import find_candidates, small_words
from app.chains.question_writing import write_questions
from tests.unit.chain_fakes import make_chunk

WRITTEN = [
    ("The week has 37.5 hours, Monday to Friday.", "How many hours does the week have?"),
    (
        "You may work from home up to three days a week once your probation is over.",
        "How many days a week may I work from home once my probation is over?",
    ),
    ("Up to five days may be carried over.", "How many days may be carried over?"),
    (
        "The Provider pays your salary for up to eight weeks of illness a year.",
        "For how many weeks of illness a year does the Provider pay my salary?",
    ),
    ("Full-time employees have 28 days of leave.", "How many days of leave do full-time employees have?"),
    ("Women held 31 % of management posts.", "What share of management posts did women hold?"),
    ("Emissions of scope 1 fell by 16.0 % to 1,940 tonnes.", "By how much did emissions of scope 1 fall?"),
    ("The canteen charges €3.80 for lunch.", "How much does the canteen charge for lunch?"),
    ("4.3 The surcharge for urgent probes is EUR 55.", "What is the surcharge for urgent probes?"),
    ("The agreement begins on 1 May 2025 and runs for three years.", "When does the agreement begin?"),
    ("The company has been listed since 2009.", "Since when has the company been listed?"),
    (
        "In September 1958, the bank launched a new product.",
        "When did the bank launch a new product?",
    ),
    ("Larkfield was founded in 1987 by Ingrid Maas.", "Who was Larkfield founded by?"),
    ("The road was closed because of heavy snow.", "Why was the road closed?"),
    ("A subscription is a contract for one station.", "What is a subscription?"),
    ("The venue is located in Hill Street.", "Where is the venue located?"),
]
NOT_WRITTEN = [
    "It was opened in 1987.",
    "We spent €9.3 million on research.",
    "The heading of 2019",
    "This happened on 1 May 2025.",
    "Which was founded in 1987.",
    "The park is not open until 1 May.",
    "The tower, the bridge and the gate were built in 1901.",
    "The rate [3] is 5 %.",
    "Der Vertrag beginnt am 1. Mai 2025.",
]


@pytest.mark.parametrize(("sentence", "question"), WRITTEN)
def test_a_statement_is_turned_round(sentence: str, question: str) -> None:
    assert question in list(write_questions(sentence, frozenset({"women", "emissions"})))


@pytest.mark.parametrize("sentence", NOT_WRITTEN)
def test_what_is_no_statement_that_stands_alone_gives_no_question(sentence: str) -> None:
    assert not list(write_questions(sentence, frozenset()))


def questions(text: str) -> list[str]:
    return [found.question for found in find_candidates(make_chunk(text), small_words(text))]


def test_questions_that_a_document_holds_are_taken_as_they_are() -> None:
    stored = "questions[0].question: Can I return a product?\nquestions[0].answer: Within 21 days."
    assert questions(stored) == ["Can I return a product?"]
    assert not questions("Why is this so? What does it mean for them? Who?")


def test_fields_of_records_and_rows_of_tables_are_asked_for_by_name() -> None:
    record = "products[0].sku: HER-4\nproducts[0].name: Heron 4\nproducts[0].weight_kg: 38"
    assert questions(record) == ["What is the weight of Heron 4?"]
    table = "| Expense | Limit |\n|---|---|\n| hotel, per night | €150 |"
    assert questions(table) == ["What is the limit for hotel, per night?"]
    rows = "Key figure 2025 2024\nGross margin 48.0 % 46.5 %\nLost-time accidents 3 5"
    assert questions(rows) == ["What was the gross margin?", "How many lost-time accidents were there?"]


def test_headings_and_names_are_asked_about() -> None:
    text = "## 5. Working hours\n\nEverybody is reachable.\n\nPlans are shown to Helen Sarkis and read aloud."
    assert questions(text) == ["What is said about working hours?"]
    assert questions("Complaints may be sent to Helen Sarkis, who listens.") == [
        "What is said about Helen Sarkis?"
    ]
    assert not questions("## Introduction\n\nHello there.")
