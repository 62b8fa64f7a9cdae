"""A summary has read every chunk, cites what it says, and falls back as a whole."""

from __future__ import annotations

import re

import pytest

from app.chains.model_summary import CONCURRENT_CALLS, GROUP_CHARS
from app.chains.records import Draft, Question
from app.chains.summarize import NOTHING_TO_SUMMARIZE, summarize
from app.chains.verify import verify
from app.errors import ModelError, ModelMisbehaved, ModelUnavailable
from app.models.reader import Reader
from tests.unit.chain_fakes import Library, Recorder, ScriptedModel, count_words, make_chunk

READER = Reader(count_words)
REQUEST = Question("tl;dr", "tl;dr")
CHAPTERS = ("Harbour", "Bridge", "Market", "Library", "Railway", "Hospital", "School", "Theatre")


def chapter(name: str) -> str:
    return (
        f"{name}\n"
        f"The {name.lower()} of the town was rebuilt after the great flood of the river. "
        f"It cost more than planned. "
        f"Engineers of the town measured the {name.lower()} and the river for two years.\n"
        f"Total   12   34   56\n"
        f"The council decided that the {name.lower()} has to withstand the next flood of the river."
    )


TOWN = Library({"town": "\n\n".join(chapter(name) for name in CHAPTERS)})


async def summarize_demo(library: Library, question: str = "Summarize the document") -> Draft:
    return await summarize(Question(question, question), library.chunks, model=None, reader=READER)


async def test_the_demo_engine_gives_cited_bullets_from_the_whole_document() -> None:
    draft = await summarize_demo(TOWN)
    verified = verify(draft, text_of=TOWN.text_of)
    bullets = verified.answer.splitlines()
    assert 5 <= len(bullets) <= 10
    assert all(re.fullmatch(r"- [A-Z].*\. \[\d+\]", bullet) for bullet in bullets)
    pages = [citation.page or 0 for citation in verified.citations]
    assert pages == sorted(pages)
    assert pages[0] <= 2
    assert pages[-1] >= 5
    assert all(citation.verified for citation in verified.citations)
    assert (draft.mode, draft.model, draft.refused) == ("demo", "extractive", False)


async def test_headings_tables_and_sentences_that_lean_on_others_are_left_out() -> None:
    text = (await summarize_demo(TOWN)).text
    assert "It cost more" not in text
    assert "Total" not in text


async def test_a_topic_in_the_request_steers_the_choice() -> None:
    text = (await summarize_demo(TOWN, "Summarize what is said about the theatre")).text
    assert text.count("theatre") == 3


async def test_a_short_document_becomes_a_paragraph_without_repetition() -> None:
    library = Library({"note": f"{chapter('Harbour')}\n\n{chapter('Harbour')}"})
    draft = await summarize_demo(library)
    assert "\n" not in draft.text
    assert len(draft.quotes) == len({quote.text for quote in draft.quotes}) == 3


async def test_of_several_documents_each_gets_its_heading() -> None:
    library = Library({"north": chapter("Harbour"), "south": chapter("Market")})
    text = (await summarize_demo(library)).text
    assert re.findall(r"^\*\*(.*)\*\*$", text, re.MULTILINE) == ["north.txt", "south.txt"]


@pytest.mark.parametrize("text", ["", "12 34 56\n78 90 12"])
async def test_nothing_to_summarize_is_said(text: str) -> None:
    draft = await summarize_demo(Library({"empty": text}))
    assert (draft.text, draft.refused) == (NOTHING_TO_SUMMARIZE, True)


async def test_progress_counts_every_chunk() -> None:
    library = Library({"long": "\n\n".join(chapter(f"House {n}") for n in range(250))})
    seen: list[tuple[int, int]] = []
    await summarize(
        REQUEST, library.chunks, model=None, reader=READER, on_progress=lambda *at: seen.append(at)
    )
    assert seen == [(100, 250), (200, 250), (250, 250)]


async def test_a_document_that_fits_is_summarised_by_one_call() -> None:
    model = ScriptedModel(lambda _: "It is about the harbour [1].")
    sink = Recorder()
    draft = await summarize(REQUEST, TOWN.chunks, model=model, reader=READER, on_token=sink)
    assert len(model.prompts) == 1
    assert f"[{len(CHAPTERS)}] town.txt, page {len(CHAPTERS)}" in model.prompts[0]
    assert sink.text.strip() == draft.text == "It is about the harbour [1]."
    assert draft.mode == "llm"


LONG = Library({"long": "\n\n".join(chapter(f"House {n}") * 4 for n in range(200))})


async def test_every_chunk_of_a_long_document_reaches_the_model_in_groups_that_fit() -> None:
    model = ScriptedModel(lambda _: "A house was rebuilt [3].")
    seen: list[tuple[int, int]] = []
    draft = await summarize(
        REQUEST, LONG.chunks, model=model, reader=READER, on_progress=lambda *at: seen.append(at)
    )
    *parts, last = model.prompts
    shown = [n for part in parts for n in re.findall(r"^\[(\d+)\] long.txt, page", part, re.MULTILINE)]
    assert sorted(map(int, shown)) == list(range(1, 201))
    assert all(len(part) < GROUP_CHARS * 1.5 for part in parts)
    assert last.count("A house was rebuilt [3].") == len(parts)
    assert 1 < model.most_running <= CONCURRENT_CALLS
    assert seen[-1] == (200, 200)
    assert seen == sorted(seen)
    (citation,) = verify(draft, text_of=LONG.text_of).citations
    assert citation.page == 3


async def test_notes_that_do_not_fit_are_merged_first() -> None:
    long_note = "A house was rebuilt after the flood [3]. " * 200

    def reply(prompt: str) -> str:
        return "Houses were rebuilt [3]." if "You merge notes" in prompt else long_note

    model = ScriptedModel(reply)
    await summarize(REQUEST, LONG.chunks, model=model, reader=READER)
    assert any("You merge notes" in prompt for prompt in model.prompts)
    assert long_note not in model.prompts[-1]
    assert "Houses were rebuilt [3]." in model.prompts[-1]


@pytest.mark.parametrize(
    ("failing_call", "failure"), [(2, ModelUnavailable("down")), (-1, ModelUnavailable("down"))]
)
async def test_a_model_that_fails_on_the_way_gives_way_to_the_extracted_summary(
    failing_call: int, failure: ModelError
) -> None:
    calls = 0

    def reply(prompt: str) -> str | ModelError:
        nonlocal calls
        calls += 1
        is_last = "<notes-" in prompt
        return failure if calls == failing_call or (failing_call < 0 and is_last) else "A house [1]."

    sink = Recorder()
    draft = await summarize(REQUEST, LONG.chunks, model=ScriptedModel(reply), reader=READER, on_token=sink)
    assert (draft.mode, draft.degraded) == ("demo", (failure.code,))
    assert sink.resets == [failure.code]
    assert sink.text == draft.text


async def test_notes_that_never_get_shorter_count_as_a_failure() -> None:
    model = ScriptedModel(lambda _: "A house was rebuilt after the flood [3]. " * 400)
    draft = await summarize(REQUEST, LONG.chunks, model=model, reader=READER)
    assert draft.degraded == (ModelMisbehaved.code,)


async def test_an_embedding_model_that_fails_does_not_stop_the_summary() -> None:
    def fail(texts: object) -> object:
        raise ModelUnavailable("down")

    reader = Reader(fail)  # type: ignore[arg-type]
    draft = await summarize(REQUEST, TOWN.chunks, model=None, reader=reader)
    assert len(draft.quotes) >= 5


async def test_a_chunk_of_one_huge_line_is_read_too() -> None:
    chunk = make_chunk("word " * 20_000)
    draft = await summarize(REQUEST, [chunk], model=None, reader=READER)
    assert draft.refused
