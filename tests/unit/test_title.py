"""Titles of conversations: from the question, or by a model that may write anything."""

from __future__ import annotations

import pytest

from app.chains.title import MAX_TITLE_CHARS, UNTITLED, title_of, title_thread
from app.errors import ModelUnavailable
from tests.unit.chain_fakes import ScriptedModel


@pytest.mark.parametrize(
    ("question", "title"),
    [
        ("What is the notice period?", "What is the notice period?"),
        ("Hi, could you please tell me about the deposit?", "The deposit?"),
        ("please summarise\n\nthe lease", "Summarise the lease"),
        ("Please", "Please"),
        ("What\x1b is [this](http://evil.example/x)?", "What is this?"),
        ("   ", UNTITLED),
        ("\ud800", UNTITLED),
    ],
)
def test_a_question_gives_a_title(question: str, title: str) -> None:
    assert title_of(question) == title


def test_a_long_question_is_cut_between_words() -> None:
    title = title_of(
        "How do the liability clauses of the five supplier contracts differ from each other in detail?"
    )
    assert title == "How do the liability clauses of the five supplier …"
    assert len(title_of("x" * 10_000)) <= MAX_TITLE_CHARS


@pytest.mark.parametrize(
    ("said", "title"),
    [
        ("Notice Period", "Notice Period"),
        ('# "Notice Period."\n\nHere is why …', "Notice Period"),
        ("![x](http://evil.example/a.png) Rent", "x Rent"),
        ("…", "What is the notice period?"),
        ("The notice period is six weeks to the end of a quarter " * 4, "What is the notice period?"),
    ],
)
async def test_a_model_gives_a_title_or_the_question_does(said: str, title: str) -> None:
    assert await title_thread("What is the notice period?", model=ScriptedModel(lambda _: said)) == title


async def test_when_the_model_fails_the_question_is_the_title() -> None:
    model = ScriptedModel(lambda _: ModelUnavailable("gone"))
    assert await title_thread("What is the notice period?", model=model) == "What is the notice period?"
