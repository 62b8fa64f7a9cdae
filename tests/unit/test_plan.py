"""What a research question is split into, by its grammar, by the model, and when the model fails."""

from __future__ import annotations

from time import perf_counter

import pytest

from app.chains.plan import plan
from app.errors import ModelError, ModelMisbehaved, ModelUnavailable
from tests.unit.structured_fake import FormModel

CONTRACTS = ("contract_alpha.pdf", "contract-beta.pdf")


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        ("Compare Apple and Microsoft on gross margin", ["gross margin of Apple", "gross margin of Microsoft"]),
        ("Compare Apple's and Microsoft's profit in 2021", ["profit of Apple in 2021", "profit of Microsoft in 2021"]),
        (
            "What are the differences between the lease and the sublease regarding deposits and pets?",
            ["deposits of the lease", "deposits of the sublease", "pets of the lease", "pets of the sublease"],
        ),
        ("How do Tesla, Ford and GM differ in costs?", ["costs of Tesla", "costs of Ford", "costs of GM"]),
        ("How does plan A differ from plan B?", ["plan A", "plan B"]),
        ("Compare price and timing of the bids", ["price of the bids", "timing of the bids"]),
        ("Compare the risks of steel and timber", ["the risks of steel", "the risks of timber"]),
        ("Compare revenue in 2019 and 2021", ["revenue in 2019", "revenue in 2021"]),
        ("Trace revenue from 2019 to 2021", ["revenue in 2019", "revenue in 2020", "revenue in 2021"]),
        ("Compare Q1 and Q2 2023 revenue", ["Q1 2023 revenue", "Q2 2023 revenue"]),
        ("What are the pros and cons of leasing?", ["pros of leasing", "cons of leasing"]),
        ("Arguments for and against the tunnel", ["Arguments for the tunnel", "arguments against the tunnel"]),
        ("Who directed the film that won the Oscar in 1994?", ["Which film won the Oscar in 1994?"]),
        ("Where was the author of Emma born?", ["Who or what is the author of Emma?"]),
        (
            "What do the papers say about sleep, and where do they disagree?",
            ["What do the papers say about sleep", "where do the papers disagree?"],
        ),
        (
            "We got two offers. Which is cheaper? Which has the longer guarantee?",
            ["Which is cheaper?", "Which has the longer guarantee?"],
        ),
        ("Investigate the missing payments with evidence", ["the missing payments"]),
        (
            "Vergleiche die Haftung in beiden Verträgen",
            ["die Haftung in contract alpha", "die Haftung in contract beta"],
        ),
        (
            "Compare the two contracts' liability clauses with evidence",
            ["liability clauses in contract alpha", "liability clauses in contract beta"],
        ),
        ("What does contract alpha say about fees compared to contract beta?",
         ["fees in contract alpha", "fees in contract beta"]),
        ("What is the notice period?", []),
    ],
)  # fmt: skip
async def test_parts_come_first_and_the_question_last(question: str, parts: list[str]) -> None:
    planned = await plan(question, model=None, names=CONTRACTS)

    assert planned.questions == (*parts, question)
    assert (planned.mode, planned.degraded) == ("demo", ())


@pytest.mark.parametrize(
    ("question", "parts"),
    [
        (
            "Compare the notice period in the employee handbook with the termination clause of the service agreement",
            ["the notice period in the employee handbook", "the termination clause of the service agreement"],
        ),
        (
            "Compare the notice period in the employee handbook with the notice period in the service agreement",
            ["the notice period in the employee handbook",
             "the notice period in the service agreement"],
        ),
        (
            "Compare the leave in the handbook with that in the contract",
            ["the leave in the handbook", "the leave in the contract"],
        ),
        ("Compare the fees for adults with the fees for children", ["the fees for adults", "the fees for children"]),
        ("Compare the rules on pets and the rules on noise", ["the rules on pets", "the rules on noise"]),
        (
            "Compare the duties under the lease to the rights from the sublease",
            ["the duties under the lease", "the rights from the sublease"],
        ),
        ("Compare the rent in Bremen with the rent in Kiel", ["the rent in Bremen", "the rent in Kiel"]),
        ("Compare revenue in 2019 with profit in 2021", ["revenue in 2019", "profit in 2021"]),
        (
            "What is the difference between the price of the pump and the fee in the service contract?",
            ["the price of the pump", "the fee in the service contract"],
        ),
        (
            "Compare the rights and duties in the lease with the penalties in the statute",
            ["the rights and duties in the lease", "the penalties in the statute"],
        ),
        (
            "Compare the right to notice under the lease with the duty to pay under the statute",
            ["the right to notice under the lease", "the duty to pay under the statute"],
        ),
        (
            "Compare the fee in the lease, the fee in the sublease and the fee in the statute",
            ["the fee in the lease", "the fee in the sublease", "the fee in the statute"],
        ),
        (
            "How do the rules in Chile and the rules in Peru differ?",
            ["the rules in Chile", "the rules in Peru"],
        ),
        (
            "How does the notice in the handbook differ from that in the contract?",
            ["the notice in the handbook", "the notice in the contract"],
        ),
        ("Compare the handbook with the terms of the contract", ["the handbook", "the terms of the contract"]),
        (
            "Vergleiche die Frist in dem Handbuch mit der Frist in dem Mietvertrag",
            ["die Frist in dem Handbuch", "der Frist in dem Mietvertrag"],
        ),
        ("Compare the pay and the bonus in the handbook", ["the pay in the handbook", "the bonus in the handbook"]),
        (
            "Compare the revenue of Apple and Microsoft in 2022",
            ["the revenue of Apple in 2022", "the revenue of Microsoft in 2022"],
        ),
        (
            "Compare A and B on price and warranty",
            ["price of A", "price of B", "warranty of A", "warranty of B"],
        ),
        (
            "Compare the lease of Anna and the lease of Ben regarding pets",
            ["pets of the lease of Anna", "pets of the lease of Ben"],
        ),
        ("Compare the risks of steel with timber", ["the risks of steel", "the risks of timber"]),
    ],
)  # fmt: skip
async def test_what_is_compared_keeps_its_own_place(question: str, parts: list[str]) -> None:
    assert (await plan(question, model=None, names=())).questions == (*parts, question)


@pytest.mark.parametrize(
    "question",
    [
        "How has revenue changed from 2001 to 2023?",
        "Compare A, B, C, D, E, F and G on price",
        "Compare A and B on price, size, weight, colour and age",
        "Who won? Who lost? Who paid? Who left? Who came? Who knew?",
        "Analyse the risks in all documents",
        "?",
    ],
)
async def test_a_plan_stays_small_and_distinct(question: str) -> None:
    names = [f"report {number}.pdf" for number in range(30)]

    questions = (await plan(question, model=None, names=names)).questions

    assert 1 <= len(questions) <= 5
    assert len({text.casefold() for text in questions}) == len(questions)
    assert questions[-1] == question


async def test_a_long_range_keeps_its_ends() -> None:
    questions = (await plan("How did costs develop from 2001 to 2023?", model=None, names=[])).questions

    assert questions[0].endswith("2001")
    assert questions[-2].endswith("2023")


async def test_the_model_plans() -> None:
    model = FormModel({"questions": ["Price of A? ", "", "Price of  B?", "price of a"]})

    planned = await plan("Compare A and B on price", model=model, names=CONTRACTS)

    assert planned.questions == ("Price of A?", "Price of B?")
    assert (planned.mode, planned.degraded) == ("llm", ())
    assert "contract_alpha.pdf" in model.prompts[0]


@pytest.mark.parametrize("questions", [[], ["", " ?"], [f"Question {number}?" for number in range(7)]])
async def test_a_useless_plan_is_replaced(questions: list[str]) -> None:
    planned = await plan("Compare A and B on price", model=FormModel({"questions": questions}), names=[])

    assert planned.questions == ("price of A", "price of B", "Compare A and B on price")
    assert (planned.mode, planned.degraded) == ("demo", ("model_misbehaved",))


@pytest.mark.parametrize("failure", [ModelUnavailable("500"), ModelMisbehaved("prose")])
async def test_the_grammar_stands_in_for_a_failing_model(failure: ModelError) -> None:
    planned = await plan("Compare A and B on price", model=FormModel(failure), names=[])

    assert planned.questions[:2] == ("price of A", "price of B")
    assert (planned.mode, planned.degraded) == ("demo", (failure.code,))


@pytest.mark.parametrize("filling", ["compare a and ", "? ", "2019, ", "the a that ", "vs a "])
async def test_a_hostile_question_is_split_in_time(filling: str) -> None:
    started = perf_counter()

    await plan((filling * 8_000)[:8_000], model=None, names=CONTRACTS)

    assert perf_counter() - started < 2
