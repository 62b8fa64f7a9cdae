"""What was found leads on: names that a passage brings up are searched for with the rest of the question."""

from __future__ import annotations

import pytest

from app.chains.follow import MAX_FOLLOW_UPS, follow_names, look_further
from app.errors import ModelTimeout
from app.knowledge.records import Hit
from tests.unit.chain_fakes import Library
from tests.unit.structured_fake import FormModel

LIBRARY = Library(
    {
        "moonrise": "Moonrise is a song that was performed by Hank Nordahl and released in 1961.",
        "nordahl": "Hank Nordahl was born in Lunde.",
    }
)
QUESTION = "Where was the performer of Moonrise born?"


def test_a_name_that_the_question_lacks_is_followed_with_what_is_not_told_yet() -> None:
    song, _ = LIBRARY.evidence()
    queries = follow_names(QUESTION, [song])
    assert any("Hank Nordahl" in query and "born" in query for query in queries)
    assert not any("Moonrise" in query for query in queries)


@pytest.mark.parametrize(
    "text", ["", "nothing is named here", "A" * 10_000, "A. " * 5_000, "É Ü Ж 東京 " * 500]
)
def test_passages_of_any_kind_give_few_queries(text: str) -> None:
    hits = Library({"x": text or "x"}).evidence()
    assert len(follow_names(QUESTION, hits)) <= MAX_FOLLOW_UPS


async def test_the_model_says_what_is_missing() -> None:
    searches = ["Where was Hank Nordahl born?", " ", *[f"q{n}" for n in range(9)]]
    pages = [{"document": "nordahl.txt", "first": 1, "last": 2}] * 5
    model = FormModel({"searches": searches, "pages": pages, "calculations": ["1961 - 1950", "rent * 2"]})
    further = await look_further(QUESTION, LIBRARY.evidence(), model=model, documents=["nordahl.txt [3]"])
    assert further.queries[0] == "Where was Hank Nordahl born?"
    assert len(further.queries) == 4
    assert len(further.pages) == 2
    assert [str(calculation) for calculation in further.calculations] == ["1961 - 1950 = 11"]
    assert "nordahl.txt (3)" in model.prompts[0]


async def test_when_the_model_fails_names_are_followed() -> None:
    further = await look_further(QUESTION, LIBRARY.evidence(), model=FormModel(ModelTimeout("late")))
    assert further.degraded == ("model_timeout",)
    assert further.queries


async def test_without_evidence_nobody_is_asked() -> None:
    no_hits: list[Hit] = []
    assert (await look_further(QUESTION, no_hits, model=None)).queries == ()
