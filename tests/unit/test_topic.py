"""A follow-up that says nothing of its topic takes it along; what stands alone takes nothing."""

from __future__ import annotations

import pytest

from app.chains.records import Turn
from app.chains.topic import keep_topic

HISTORY = (Turn("How many buoys were delivered in 2025?", "412 buoys were delivered. [1]"),)


@pytest.mark.parametrize(
    ("question", "carried"),
    [
        ("How many were there in 2024?", "How many were there in 2024? (buoys delivered)"),
        ("Where do they come from?", "Where do they come from? (buoys delivered)"),
        ("Since when?", "Since when? (buoys delivered)"),
    ],
)
def test_a_question_that_leans_takes_the_topic_along(question: str, carried: str) -> None:
    assert keep_topic(question, question, HISTORY) == carried


@pytest.mark.parametrize(
    "question",
    [
        "Who founded Siemens?",
        "When did Tesla release its first car?",
        "Summarize it",
        "Is it allowed to smoke?",
        "And the deposit?",
        "What is the notice period?",
        "How many buoys are there?",
        "",
    ],
)
def test_what_stands_alone_stays_as_it_is(question: str) -> None:
    assert keep_topic(question, question, HISTORY) == question


def test_without_a_conversation_there_is_no_topic() -> None:
    assert keep_topic("Since when?", "Since when?", ()) == "Since when?"
