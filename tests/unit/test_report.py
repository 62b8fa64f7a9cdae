"""A report answers first, has a section for each sub-question, and names what the documents lack."""

from __future__ import annotations

import re

from app.chains.prompts import REFUSAL
from app.chains.records import Draft, Finding, Question
from app.chains.report import MAX_SOURCES, report
from app.chains.verify import verify
from app.errors import ModelTimeout
from app.knowledge.records import Hit
from app.models.reader import Reader
from tests.unit.chain_fakes import Library, Recorder, ScriptedModel, count_words, make_chunk

LIBRARY = Library(
    {
        "north": "The liability of the carrier is limited to 10,000 euros. The contract follows Danish law.",
        "south": "The liability of the carrier is unlimited. The contract runs until 31 May 2030.",
    }
)
READER = Reader(count_words)
MAIN = "What is the liability of the carrier in both contracts?"
NORTH, SOUTH = (hit for hit in LIBRARY.evidence())
FINDINGS = (
    Finding("What is the liability of the carrier in the north contract?", (NORTH, SOUTH)),
    Finding("What is the liability of the carrier in the south contract?", (SOUTH, NORTH)),
    Finding("Which enzyme splits starch?", (NORTH,)),
)


async def write(findings: tuple[Finding, ...] = FINDINGS) -> Draft:
    return await report(Question(MAIN, MAIN), findings, model=None, reader=READER)


async def test_the_demo_engine_writes_sections_with_cited_sentences_and_gaps() -> None:
    draft = await write()
    verified = verify(draft, text_of=LIBRARY.text_of)
    headings = re.findall(r"^## (.*)$", verified.answer, re.MULTILINE)
    assert headings == ["Answer", *(finding.question for finding in FINDINGS)]
    sections = verified.answer.split("## ")
    assert "limited to 10,000 euros" in sections[1]
    assert "unlimited" in sections[1]
    assert sections[4].endswith("Nothing in the documents about this: Which enzyme splits starch?")
    assert {citation.document_name for citation in verified.citations} == {"north.txt", "south.txt"}
    assert all(citation.verified for citation in verified.citations)
    assert not draft.refused


async def test_a_sentence_keeps_its_number_throughout_the_report() -> None:
    draft = await write()
    cited = re.findall(r"(\w[^.\n]+\.) \[(\d+)\]", draft.text)
    assert len(cited) > len(set(cited)) == len(dict(cited))
    assert len(draft.quotes) == len({(quote.chunk.chunk_id, quote.text) for quote in draft.quotes})


async def test_a_report_on_nothing_is_a_refusal() -> None:
    gap = Finding("Which enzyme splits starch?", (NORTH,))
    question = Question(gap.question, gap.question)
    draft = await report(question, (gap,), model=None, reader=READER)
    assert draft.refused
    assert draft.text.startswith(REFUSAL)
    empty = await report(question, (Finding("Anything?", ()),), model=ScriptedModel(str), reader=READER)
    assert (empty.refused, empty.text) == (True, REFUSAL)


async def test_the_model_sees_each_chunk_once_and_every_sub_question() -> None:
    model = ScriptedModel(lambda _: "## Answer\n\nLimited [1], unlimited [2].")
    draft = await report(Question(MAIN, MAIN), FINDINGS, model=model, reader=READER)
    (prompt,) = model.prompts
    assert prompt.count("limited to 10,000 euros") == 1
    assert "[1] north.txt, page 1" in prompt
    assert "[2] south.txt, page 1" in prompt
    assert all(f"- {finding.question}" in prompt for finding in FINDINGS)
    assert [citation.document_name for citation in verify(draft, text_of=LIBRARY.text_of).citations] == [
        "north.txt",
        "south.txt",
    ]


async def test_the_best_evidence_of_every_sub_question_is_kept_when_there_is_too_much() -> None:
    chunks = [make_chunk(f"Fact {n} of many.", start=20 * n, ordinal=n) for n in range(2 * MAX_SOURCES)]
    many = tuple(Hit(chunk, 0.9, None, None) for chunk in chunks)
    model = ScriptedModel(lambda _: "## Answer\n\nFine [1].")
    findings = (Finding("First?", many[:-1]), Finding("Second?", many[-1:]))
    await report(Question(MAIN, MAIN), findings, model=model, reader=READER)
    assert model.prompts[0].count("\n</source-") == MAX_SOURCES
    assert many[-1].chunk.text in model.prompts[0]


async def test_a_failing_model_gives_way_to_the_demo_engine() -> None:
    model = ScriptedModel(lambda _: ModelTimeout("too slow"), broken_beginning="## Ans")
    sink = Recorder()
    draft = await report(Question(MAIN, MAIN), FINDINGS, model=model, reader=READER, on_token=sink)
    assert (draft.mode, draft.degraded) == ("demo", ("model_timeout",))
    assert sink.resets == ["model_timeout"]
    assert sink.text == draft.text


async def test_the_answer_says_nothing_twice_when_only_the_parts_are_answered() -> None:
    sentence = "The cargo was insured in Bergen by Halvorsen and Sons."
    chunks = [
        make_chunk(f"{sentence} {more}", start=500 * n, ordinal=n) for n, more in enumerate(["", "Fine."])
    ]
    findings = tuple(
        Finding("Who insured the cargo in Bergen?", (Hit(chunk, 0.9, None, None),)) for chunk in chunks
    )
    main = "Which enzyme splits starch, and why?"
    draft = await report(Question(main, main), findings, model=None, reader=READER)
    answered, *sections = draft.text.removeprefix("## Answer").split("## ")
    assert answered.strip() == f"{sentence} [1]"
    assert [sentence in section for section in sections] == [True, False]
    assert sections[1].endswith("Nothing beyond what is said above.")


async def test_a_comparison_is_answered_by_its_parts_without_headings_and_repetitions() -> None:
    library = Library(
        {
            "handbook": "## 3. Notice period and badges\n\nThe notice period of staff is two months.\n\n"
            "| Time with us | Notice period |\n|---|---|\n| more than five years | three months |",
            "lease": "2. NOTICE PERIOD\n\n2.2 The notice period of the lease is 90 days.",
        }
    )
    hits = {
        name: tuple(hit for hit in library.evidence() if hit.chunk.document_id == name)
        for name in library.texts
    }
    main = "Compare the notice period in the handbook with the notice period of the lease"
    draft = await report(
        Question(main, main),
        (
            Finding("the notice period of staff in the handbook", hits["handbook"]),
            Finding("the notice period of the lease", hits["lease"]),
            Finding(main, tuple(library.evidence())),
        ),
        model=None,
        reader=READER,
    )
    answered, *sections = draft.text.removeprefix("## Answer").split("## ")
    assert "two months" in answered
    assert "90 days" in answered
    assert [section.split("\n")[0] for section in sections] == [
        "The notice period of staff in the handbook",
        "The notice period of the lease",
    ]
    assert "NOTICE PERIOD [" not in draft.text
    assert "badges" not in draft.text
    assert "Time with us" not in draft.text
