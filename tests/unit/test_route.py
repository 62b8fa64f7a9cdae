"""Which agent gets a question: by the demo router's grammar, by the model, and when the model fails.

`tests/fixtures/routing.jsonl` was written before the router was tuned (set "first") and after
it (set "fresh", 97.2 % right at first sight, and "third", 51 of 51).
Do not repair single questions of it: write new ones.
"""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from time import perf_counter

import pytest

from app.chains.route import demo_route, route
from app.errors import ModelError, ModelMisbehaved, ModelRateLimited, ModelTimeout
from tests.unit.structured_fake import FormModel

PASSAGE = " ".join(["The yard was founded in 1874 and built boats of oak and larch."] * 5)
ROUTING = Path(__file__).parent.parent / "fixtures" / "routing.jsonl"


@pytest.mark.parametrize("chosen_set", ["first", "fresh", "third"])
def test_at_least_95_of_100_unseen_questions_reach_the_right_agent(chosen_set: str) -> None:
    rows = [row for row in map(json.loads, ROUTING.read_text().splitlines()) if row["set"] == chosen_set]
    asked: Counter[str] = Counter(row["agent"] for row in rows)
    right: Counter[str] = Counter(
        row["agent"] for row in rows if demo_route(row["question"]).agent == row["agent"]
    )

    assert min(asked.values()) >= 17
    assert right.total() / asked.total() >= 0.95
    assert all(right[agent] / asked[agent] >= 0.92 for agent in asked)


@pytest.mark.parametrize(
    ("question", "agent"),
    [
        ("What is the notice period?", "qa"),
        ("Compare the two contracts' liability clauses with evidence", "research"),
        ("tl;dr", "summarize"),
        # A cue word that is only mentioned
        ("What does the summary section say about fees?", "qa"),
        ("Who wrote the comparison report?", "qa"),
        ("What is an executive summary?", "qa"),
        ("We read the analysis. Who commissioned it?", "qa"),
        # One word for a difference: of concepts it is a definition, of documents, years or companies a comparison
        ("What is the difference between gross and net revenue?", "qa"),
        ("What is the difference between the 2020 and the 2021 report?", "research"),
        ("What is the difference between Siemens' and Bosch's warranty?", "research"),
        # The object of "summarise" decides
        ("Summarise the differences between the 2022 and 2023 filings", "research"),
        ("Summarise the comparison report", "summarize"),
        # Other languages, typing errors, capitals, courtesy, long messages
        ("Fasse das Dokument zusammen", "summarize"),
        ("Vergleiche die beiden Verträge", "research"),
        ("¿De qué trata el informe?", "summarize"),
        ("Quelles sont les différences entre les deux contrats ?", "research"),
        ("sumarise the docuemnt", "summarize"),
        ("comapre both leases", "research"),
        ("Did the summer sale end in August?", "qa"),
        ("COMPARE THE TWO OFFERS", "research"),
        ("Could you please be so kind as to give me a short overview?", "summarize"),
        ("I got two offers. The first is cheaper. Please compare their guarantees.", "research"),
        # A passage tells something; what is asked stands at its end, or is put politely
        ("... ability to record, process, summarize and report financial information", "qa"),
        ("What is said of the ability to record, process, summarize and report information?", "qa"),
        ("Management's ability to record and summarize financial information", "qa"),
        ("The tool can extract, compare, summarize and rank documents.", "qa"),
        (f"{PASSAGE} It was built to compare and analyze. Summary of the tides. {PASSAGE}", "qa"),
        (f"{PASSAGE} Summarize this.", "summarize"),
        (f"Summarise this text: {PASSAGE}", "summarize"),
        (f"{PASSAGE} Please compare the two yards. {PASSAGE}", "research"),
        ("This lease is long, summarize it", "summarize"),
        ("Read the report, then summarize and explain it", "summarize"),
        (
            f"The {'northern ' * 30}branch, and I would like you to compare their liability clauses",
            "research",
        ),
        ("What is the limit of liability in each contract year?", "qa"),
    ],
)
def test_demo_router(question: str, agent: str) -> None:
    assert demo_route(question).agent == agent


@pytest.mark.parametrize("question", ["Compare A and B", "tl;dr", "Who?", "", "?!", "  ", "\ud800"])
def test_the_reason_is_one_sentence(question: str) -> None:
    reason = demo_route(question).reason

    assert reason[0].isupper()
    assert reason.endswith(".")
    assert "\n" not in reason


def test_routing_takes_less_than_5_ms() -> None:
    questions = [json.loads(line)["question"] for line in ROUTING.read_text().splitlines()]
    demo_route("Compile the patterns once")

    started = perf_counter()
    for question in questions:
        demo_route(question)

    assert (perf_counter() - started) / len(questions) < 0.005


@pytest.mark.parametrize("filling", ["sum ", "compare a and ", "what is ", "? ", "'s ", "a"])
def test_a_hostile_question_is_routed_in_time(filling: str) -> None:
    started = perf_counter()

    demo_route((filling * 8_000)[:8_000])

    assert perf_counter() - started < 2


async def test_the_model_decides() -> None:
    model = FormModel({"agent": " Research ", "reason": "Two things\nare compared."})

    chosen = await route("Apples or pears?", model=model)

    assert (chosen.agent, chosen.reason) == ("research", "Two things are compared.")
    assert (chosen.mode, chosen.degraded) == ("llm", ())
    assert "Apples or pears?" in model.prompts[0]


async def test_an_agent_that_does_not_exist_means_qa() -> None:
    chosen = await route("tl;dr", model=FormModel({"agent": "chef", "reason": "hungry"}))

    assert (chosen.agent, chosen.mode, chosen.degraded) == ("qa", "llm", ())
    assert "'chef'" in chosen.reason


@pytest.mark.parametrize("failure", [ModelRateLimited("429"), ModelTimeout("slow"), ModelMisbehaved("prose")])
async def test_the_demo_router_stands_in_for_a_failing_model(failure: ModelError) -> None:
    chosen = await route("tl;dr", model=FormModel(failure))

    assert (chosen.agent, chosen.mode, chosen.degraded) == ("summarize", "demo", (failure.code,))


async def test_without_a_model_nothing_is_degraded() -> None:
    chosen = await route("tl;dr", model=None)

    assert (chosen.agent, chosen.mode, chosen.degraded) == ("summarize", "demo", ())


def test_factual_questions_of_strangers_are_not_mistaken(evaldata: Path) -> None:
    lines = (evaldata / "squad2" / "queries.jsonl").read_text().splitlines()

    agents = Counter(demo_route(json.loads(line)["question"]).agent for line in lines)

    assert agents["qa"] / agents.total() > 0.985
