"""The reader finds the sentence that answers, shows exactly where it stands, and knows when there is none."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest

from app.errors import ModelUnavailable
from app.models.candidates import Passage
from app.models.cues import answer_cue, fits
from app.models.minilm import MiniLMEmbeddings
from app.models.reader import Reader, Reading
from app.models.sentences import MAX_SENTENCE_CHARS, split_sentences
from app.models.terms import numbers, terms

SHIPYARD = Passage(
    "The shipyard at Halvik opened in 1874 and built fishing boats. It was founded by Marta Solberg, a widow from "
    "Bergen. In 1931 it employed 420 people. The yard closed because orders for steel ships fell away.",
    0.9,
    "halvik-shipyard.txt",
)
LIGHTHOUSE = Passage(
    "The lighthouse of Halvik stands on a rock north of the harbour. Its lamp was lit for the first time on 3 May "
    "1890. Visitors can climb the 96 steps from June to August. Tickets cost 85 kroner for adults.",
    0.7,
    "halvik-lighthouse.txt",
)


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(MiniLMEmbeddings().embed)


def read(reader: Reader, question: str, *passages: Passage) -> Reading:
    return reader.read(question, passages or (SHIPYARD, LIGHTHOUSE))


@pytest.mark.parametrize(
    ("question", "wanted"),
    [
        ("Who founded the shipyard?", "Marta Solberg"),
        ("When was the lamp of the lighthouse lit?", "3 May 1890"),
        ("How many people did the yard employ in 1931?", "420"),
        ("How much is a ticket for the lighthouse?", "85 kroner"),
        ("Why did the shipyard close?", "steel ships"),
        ("Where does the lighthouse stand?", "north of the harbour"),
    ],
)
def test_the_best_sentence_comes_first(question: str, wanted: str, reader: Reader) -> None:
    reading = read(reader, question)
    assert reading.answerable
    assert wanted in reading.excerpts[0].text
    assert len(reading.excerpts) <= 3


@pytest.mark.parametrize(
    "question",
    [
        "Who wrote the opera about the flying Dutchman?",
        "What is the boiling point of ethanol?",
        "How many employees did Siemens have in 2019?",
        "Which enzyme splits starch?",
    ],
)
def test_a_question_about_something_else_is_refused(question: str, reader: Reader) -> None:
    reading = read(reader, question)
    assert not reading.answerable
    assert reading.confidence < 0.5


def test_excerpts_stand_literally_at_their_spans_and_keep_a_pronouns_antecedent(reader: Reader) -> None:
    reading = read(reader, "Who founded the shipyard?")
    best = reading.excerpts[0]
    passage = (SHIPYARD, LIGHTHOUSE)[best.source]
    assert passage.text[best.start : best.end] == best.text
    assert best.text.startswith("The shipyard at Halvik opened")
    assert best.text.endswith("a widow from Bergen.")


def test_of_sentences_alike_the_one_with_the_kind_of_thing_asked_for_comes_first() -> None:
    passage = Passage(
        "The pier was opened by the queen in person. The pier was opened by the queen in 1907.", 0.8
    )
    assert "1907" in read(Reader(None), "When was the pier opened by the queen?", passage).excerpts[0].text


def test_words_that_are_pasted_from_a_passage_are_found_there(reader: Reader) -> None:
    table = Passage(
        "Total current assets 8,304 8,802\nSmall Business 17,698 Property and equipment, net 2,377", 0.6
    )
    other = Passage("Total current assets and Small Business property are explained in note 17.", 0.9)
    pasted = "assets 8,304 8,802 Small Business 17,698 Property and equipment, net 2,377"
    found = read(reader, pasted, other, table)
    assert found.answerable
    assert {excerpt.source for excerpt in found.excerpts} == {1}
    assert not read(reader, pasted.replace("8,304", "9,999"), other, table).answerable


def test_reading_is_deterministic(reader: Reader) -> None:
    question = "When was the lamp of the lighthouse lit?"
    assert read(reader, question) == read(reader, question)


def test_words_alone_decide_while_the_embedding_model_fails() -> None:
    def fail(texts: object) -> object:
        raise ModelUnavailable("down")

    for reader in (Reader(fail), Reader(None)):  # type: ignore[arg-type]
        assert "Marta Solberg" in read(reader, "Who founded the shipyard at Halvik?").excerpts[0].text
        assert not read(reader, "Which enzyme splits starch?").answerable


@pytest.mark.parametrize(
    ("question", "text", "wanted"),
    [
        (
            "Wann wurde die Werft gegründet?",
            "Die Stadt liegt am Fjord. Die Werft wurde 1874 gegründet. Es regnet oft.",
            "1874",
        ),
        ("Сколько людей работало на верфи?", "Город стоит у моря. На верфи работало 420 людей.", "420"),
        ("灯塔有多少级台阶？", "港口在南边。灯塔有九十六级台阶。夏天游客很多。", "灯塔有九十六级台阶。"),
        ("كم عدد درجات المنارة؟", "الميناء في الجنوب. عدد درجات المنارة 96 درجة.", "96"),
    ],
)
def test_other_languages_are_read_by_their_words(
    question: str, text: str, wanted: str, reader: Reader
) -> None:
    assert wanted in read(reader, question, Passage(text, 0.8)).excerpts[0].text


@pytest.mark.parametrize(
    ("question", "passages"),
    [
        ("", (SHIPYARD,)),
        ("?!", (SHIPYARD,)),
        ("the of and", (SHIPYARD,)),
        ("Who founded it?", ()),
        ("Who founded it?", (Passage("", 0.0), Passage(" \n\t", 0.0))),
        ("Who founded it?", (Passage("\ud800\x00\u202e" * 50, 0.1),)),
    ],
)
def test_there_is_always_a_reading(question: str, passages: tuple[Passage, ...], reader: Reader) -> None:
    reading = reader.read(question, passages)
    assert 0.0 <= reading.confidence <= 1.0


def sentences(text: str) -> list[str]:
    return [text[start:end] for start, end in split_sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["Dr. Lund of the U.S. Navy paid $3.5 million on Sept. 30, 2020.", "He left."],
        ["See No. 5, Fig. 2 and p. 7.", "J. R. Holm et al. (2020) agree."],
        ["They moved to the U.S. in May.", "It suited them.", "Nordisk Inc. The end."][:2],
        ['"Who goes there?" she asked.', "Nobody answered!", "Really?"],
        ["Growth was 5.2%.", "Costs fell (see below).", "More follows…"],
        ["the results are fine .", "the next test failed ."],
        ["今天下雨。", "明天呢？", "好！"],
        ["هل هذا صحيح؟", "نعم."],
    ],
)
def test_sentences_end_where_readers_end_them(expected: list[str]) -> None:
    joiner = "" if expected[0].endswith("。") else " "
    assert sentences(joiner.join(expected)) == expected


def test_wrapped_lines_join_and_tables_lists_and_headings_stand_alone() -> None:
    text = (
        "Results of operations\n"
        "Net sales rose in all of our regions during the year, as the number of\n"
        "stores grew. Costs followed.\n"
        "Net sales      $ 1,234   $ 2,345\n"
        "Cost of sales      900       800\n\n"
        "• new stores\n• lower freight\n1. The first step. 2. The second step.\n"
        "Item 7. Discussion"
    )
    assert sentences(text) == [
        "Results of operations",
        "Net sales rose in all of our regions during the year, as the number of\nstores grew.",
        "Costs followed.",
        "Net sales      $ 1,234   $ 2,345",
        "Cost of sales      900       800",
        "• new stores",
        "• lower freight",
        "1. The first step.",
        "2. The second step.",
        "Item 7. Discussion",
    ]


def test_spans_are_ordered_bounded_and_lose_no_word() -> None:
    chance = random.Random(7)
    pieces = [
        "A",
        "b.",
        " ",
        "\n",
        "\n\n",
        "3.",
        "U.S.",
        "?",
        "。",
        "• ",
        "|",
        "\t",
        "wort ",
        "12 34 ",
        '"',
        "x" * 900,
    ]
    for _ in range(500):
        text = "".join(chance.choices(pieces, k=chance.randint(0, 40)))
        spans = split_sentences(text)
        assert all(0 <= start < end <= len(text) for start, end in spans)
        assert all(end - start <= MAX_SENTENCE_CHARS for start, end in spans)
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert "".join(text[start:end] for start, end in spans).split() or not text.strip()
        assert sum(not c.isspace() for a, b in spans for c in text[a:b]) == sum(not c.isspace() for c in text)


def test_word_forms_numbers_and_scripts_compare_equal() -> None:
    assert terms("studies studied companies' policy ﬁnance") == terms("study study company policies finance")
    assert terms("Café") == terms("cafe")
    assert numbers("about $1,234.50 or 7.0 %") == numbers("1234.5 and 7")
    assert terms("строительство строителями") == terms("строитель строителя")
    assert terms("年度报告") == ["年度", "度报", "报告"]


@pytest.mark.parametrize(
    ("question", "cue", "fitting", "unfitting"),
    [
        ("Who led it?", "person", "It was led by Ada Holm.", "It was led by an engineer."),
        ("When did it end?", "date", "It ended in 1931.", "It ended badly."),
        ("How many came?", "amount", "Only 30 came.", "Only friends came in 1998."),
        ("How many came?", "amount", "Only 2,010 came.", "Only friends came."),
        ("Where is it?", "place", "It lies in Norway.", "It lies by the water."),
        ("Why did it end?", "reason", "It ended because of rain.", "It ended at noon."),
    ],
)
def test_cues(question: str, cue: str, fitting: str, unfitting: str) -> None:
    found = answer_cue(question)
    assert found == cue
    assert (fits(found, fitting, question), fits(found, unfitting, question)) == (1.0, 0.0)


def test_a_record_is_read_as_a_whole() -> None:
    record = "items[0].name: Heron 4\nitems[0].note: Sold in Europe. Spare parts until 2033.\nitems[0].weight_kg: 38"

    assert [record[start:end] for start, end in split_sentences(record)] == [record]


CHART = "Herring landed by year, in tonnes\n310\n345\n360\n402\n2021 2022 2023 2024\n0\n100\n200\n300\n400\n"


def test_the_labels_of_a_chart_are_no_part_of_the_prose_around_it() -> None:
    prose = "Landings have grown every year since 2019. The harbour was dredged twice."
    assert sentences(f"The fishery\n{CHART}{prose}") == [
        "The fishery",
        "Herring landed by year, in tonnes\n310\n345\n360\n402",
        "2021 2022 2023 2024",
        "0\n100\n200\n300\n400",
        "Landings have grown every year since 2019.",
        "The harbour was dredged twice.",
    ]
    assert sentences("We closed it in June\n2026.\nIt cost\n12\nmillion euros.") == [
        "We closed it in June\n2026.",
        "It cost\n12\nmillion euros.",
    ]


def test_prose_that_answers_comes_before_the_labels_of_a_chart(reader: Reader) -> None:
    passage = Passage(f"{CHART}Landings of fish rose by 11.7 % to 402 tonnes.", 0.8)
    (best, *_) = read(reader, "By how much did the herring landed by year rise?", passage).excerpts
    assert best.text.startswith("Landings of fish rose by 11.7 %")
    assert "345" in read(reader, "How much herring was landed by year?", Passage(CHART, 0.8)).excerpts[0].text


def test_the_row_of_a_table_that_is_named_by_what_is_asked_answers(reader: Reader) -> None:
    passage = Passage(
        "More than half of our turnover depends on the weather. About 30 % of turnover is in kroner.\n"
        "Key figure 2024 2023 Change\nTurnover (€ million) 18.4 16.9 +8.9 %\nTurnover per ship 0.9 0.8 +12.5 %\n",
        0.8,
        "halvik-report-2024.pdf",
    )
    question = "How high was the turnover of Halvik in 2024?"
    assert read(reader, question, passage).excerpts[0].text == "Turnover (€ million) 18.4 16.9 +8.9 %"


def test_one_sentence_is_enough_when_it_says_all(reader: Reader) -> None:
    passage = Passage(
        "The notice period is two weeks during probation, and two months after probation. "
        "Parents take 20 weeks of leave at full pay. Founders' day is free.",
        0.9,
        "handbook.md",
    )
    (only,) = read(reader, "What is the notice period after probation?", passage).excerpts
    assert only.text.startswith("The notice period")


def test_a_sentence_that_comes_again_with_its_neighbour_is_shown_once(reader: Reader) -> None:
    passage = Passage("Probation lasts three months. It may be extended once, by up to three months.", 0.9)
    (only,) = read(reader, "How long is probation and can it be extended?", passage).excerpts
    assert only.text == passage.text


@pytest.mark.parametrize(
    ("question", "text"),
    [
        ("Who is the CEO of Halvik Ferries?", "The Chief Executive Officer is Marta Solberg."),
        ("Who is the chief executive officer of Halvik Ferries?", "Our CEO since 2021 is Marta Solberg."),
        ("Where is the HQ of Halvik Ferries?", "The headquarters are in Bergen, Norway."),
    ],
)
def test_abbreviations_stand_for_what_they_mean(question: str, text: str, reader: Reader) -> None:
    passage = Passage(f"Ferries sail twice a day. {text} Tickets cost 85 kroner.", 0.6, "halvik-ferries.txt")
    reading = read(reader, question, passage)
    assert reading.answerable
    assert reading.excerpts[0].text == text


BOATS = (
    "boats[0].name: Tern 4\nboats[0].note: Sails well.\nboats[0].price: 900\n\n"
    "boats[1].name: Tern 3\nboats[1].note: Sold until the Tern 4 came; price was cut.\nboats[1].price: 500"
)


def test_the_model_that_is_asked_about_has_to_stand_beside_the_answer(reader: Reader) -> None:
    for number, price in (("3", "500"), ("4", "900")):
        (only,) = read(reader, f"What is the price of the Tern {number}?", Passage(BOATS, 0.8)).excerpts
        assert only.text.endswith(f"price: {price}")
    assert not read(reader, "What is the price of the Tern 5?", Passage(BOATS, 0.8)).answerable
    assert read(reader, "What was the price of the boat in May 2026?", Passage(BOATS, 0.8)).confidence > 0.1


@pytest.mark.parametrize("greeting", ["hi", "Hello there!", "Thank you very much.", "Guten Morgen", "hola"])
def test_a_greeting_asks_for_nothing(greeting: str, reader: Reader) -> None:
    passage = Passage("Hi-Hello Holdings Ltd. and Thank You Morgen Hola GmbH are subsidiaries there.", 0.9)
    assert not read(reader, greeting, passage).answerable


def test_headings_and_rows_of_names_stand_alone() -> None:
    text = (
        "Tern 4\nThe Tern 4 weighs 38 kilograms.\n"
        "Member Role Since\nRuth Holm Chair 2021\nAda Lund Chief Executive Officer 2018\nRemuneration"
    )
    assert sentences(text) == [
        "Tern 4",
        "The Tern 4 weighs 38 kilograms.",
        "Member Role Since",
        "Ruth Holm Chair 2021",
        "Ada Lund Chief Executive Officer 2018",
        "Remuneration",
    ]
