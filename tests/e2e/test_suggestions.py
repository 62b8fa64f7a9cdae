"""Every answer leads on: what it suggests is really answered when it is asked."""

from __future__ import annotations

from typing import Any

import httpx

from tests.live import remote

ASKED = (
    "How large was Larkfield's revenue in 2025?",
    "What is the notice period after probation?",
    "Which discount do universities get?",
    "Until when are prices fixed?",
    "When was Larkfield Instruments founded?",
    "How much does the Heron 4 weigh?",
    "How many lost-time accidents were there in 2025?",
    "How many days of paid holiday do employees have?",
)
LEAST_ANSWERED = 0.9
LEAST_SUGGESTED = 12


def ask(service: httpx.Client, question: str, **how: Any) -> dict[str, Any]:
    answer: dict[str, Any] = (
        service.post("/ask", json={"question": question, **how}).raise_for_status().json()
    )
    return answer


def test_nearly_all_that_is_suggested_is_answered(service: httpx.Client) -> None:
    suggested = [question for asked in ASKED for question in ask(service, asked)["suggestions"]]
    assert len(suggested) >= LEAST_SUGGESTED
    refused = [question for question in suggested if ask(service, question)["refused"]]
    assert len(refused) <= (1 - LEAST_ANSWERED) * len(suggested), refused


def test_a_thread_is_not_led_back_to_what_it_has_asked(service: httpx.Client) -> None:
    asked = ["When was Larkfield Instruments founded?"]
    for _ in range(3):
        suggestions = ask(service, asked[-1], thread_id="leading-on")["suggestions"]
        assert not set(suggestions) & set(asked)
        asked += suggestions[:1]
    assert len(set(asked)) == len(asked) > 2


def test_the_last_event_of_a_stream_suggests_too(service: httpx.Client) -> None:
    with remote(service, "agent") as agent:
        final = list(agent.stream({"question": ASKED[1]}))[-1]
    assert final["type"] == "final"
    assert final["suggestions"] == ask(service, ASKED[1])["suggestions"] != []


def test_nothing_is_suggested_after_a_refusal(service: httpx.Client) -> None:
    answer = ask(service, "Who won the football world cup of 1954?")
    assert answer["refused"]
    assert answer["suggestions"] == []


def test_a_summary_leads_on_from_what_it_cites(service: httpx.Client) -> None:
    answer = ask(service, "Summarise the employee handbook", agent="summarize")
    assert answer["suggestions"]
