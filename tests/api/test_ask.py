"""Questions over REST: answers with citations that stand where they say, refusals, and the errors of bad input."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest


def ask(server: httpx.Client, question: str, **fields: Any) -> dict[str, Any]:
    response = server.post("/ask", json={"question": question, **fields})
    assert response.status_code == 200, response.text
    answer: dict[str, Any] = response.json()
    return answer


def test_an_answer_cites_the_place_where_it_stands(server: httpx.Client) -> None:
    answer = ask(server, "How long is the notice period?")

    assert "six weeks" in answer["answer"]
    assert (answer["agent"], answer["mode"], answer["refused"]) == ("qa", "demo", False)
    citation = answer["citations"][0]
    assert citation["document_name"] == "handbook.md"
    assert citation["verified"]
    text = server.get(f"/documents/{citation['document_id']}/text").text
    assert text[citation["char_start"] : citation["char_end"]] == citation["quote"]


def test_every_marker_has_a_citation_and_every_citation_a_marker(server: httpx.Client) -> None:
    answer = ask(server, "What is the monthly rent and when is it due?")

    markers = {f"[{citation['marker']}]" for citation in answer["citations"]}
    assert markers
    assert all(marker in answer["answer"] for marker in markers)


def test_what_the_documents_do_not_say_is_refused(server: httpx.Client) -> None:
    answer = ask(server, "Which moons of Jupiter did Galileo discover?")

    assert answer["refused"]
    assert answer["citations"] == []


def test_a_follow_up_is_understood_from_the_thread(server: httpx.Client) -> None:
    first = ask(server, "How long is the notice period?")
    second = ask(server, "And during probation?", thread_id=first["thread_id"])

    assert "two weeks" in second["answer"]
    turns = server.get(f"/threads/{first['thread_id']}").json()["turns"]
    assert [turn["question"] for turn in turns] == ["How long is the notice period?", "And during probation?"]


def test_an_explicit_agent_is_used(server: httpx.Client) -> None:
    assert ask(server, "Notice period and rent", agent="research")["agent"] == "research"


def test_a_summary_covers_the_document_it_names(server: httpx.Client) -> None:
    answer = ask(server, "tl;dr of handbook.md")

    assert answer["agent"] == "summarize"
    assert {citation["document_name"] for citation in answer["citations"]} == {"handbook.md"}


def test_a_summary_of_what_no_name_tells_is_found_by_search(server: httpx.Client) -> None:
    answer = ask(server, "Summarise what the tenant has to pay")

    assert answer["agent"] == "summarize"
    assert {citation["document_name"] for citation in answer["citations"]} == {"lease.txt"}


def test_a_summary_of_what_no_document_deals_with_is_refused(server: httpx.Client) -> None:
    answer = ask(server, "Summarise the document about dinosaurs")

    assert (answer["agent"], answer["refused"], answer["citations"]) == ("summarize", True, [])


def test_a_bare_request_about_many_documents_is_asked_back(server: httpx.Client) -> None:
    documents = [
        {
            "text": f"The harbour number {n} was dredged by the coast guard in the spring of 19{n}0.",
            "name": f"harbour-{n}.txt",
        }
        for n in range(1, 10)
    ]
    server.post("/index", json={"documents": documents, "collection": "harbours"}).raise_for_status()
    answer = ask(server, "tl;dr", collection="harbours")
    assert (answer["agent"], answer["refused"], answer["citations"]) == ("summarize", True, [])
    assert "There are 9." in answer["answer"]
    assert answer["answer"].count("\n- harbour-") == 8
    assert answer["answer"].endswith("- and 1 more")
    everything = ask(server, "Summarise all documents", collection="harbours")
    assert len({citation["document_id"] for citation in everything["citations"]}) == 9
    assert len(ask(server, "tl;dr of harbour-3.txt", collection="harbours")["citations"]) == 1


def test_research_reports_on_both_documents_it_compares(server: httpx.Client) -> None:
    answer = ask(server, "Compare the notice period and the rent with evidence")

    assert answer["agent"] == "research"
    assert {citation["document_name"] for citation in answer["citations"]} == {"handbook.md", "lease.txt"}


def test_document_ids_limit_where_the_answer_may_come_from(server: httpx.Client) -> None:
    documents = server.get("/documents").json()["documents"]
    lease = next(document["document_id"] for document in documents if document["name"] == "lease.txt")

    answer = ask(server, "How long is the notice period?", document_ids=[lease])

    assert all(citation["document_id"] == lease for citation in answer["citations"])


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"question": "  "}, 422, "invalid_request"),
        ({"question": "x" * 8_001}, 422, "invalid_request"),
        ({}, 422, "invalid_request"),
        ({"question": "Why?", "agent": "poet"}, 404, "unknown_agent"),
        ({"question": "Why?", "collection": "nowhere"}, 404, "unknown_collection"),
        ({"question": "Why?", "document_ids": ["nothing"]}, 404, "unknown_document"),
        ({"question": "Why?", "mood": "cheerful"}, 422, "invalid_request"),
    ],
)
def test_bad_input_is_a_problem_with_a_code(
    server: httpx.Client, body: dict[str, Any], status: int, code: str
) -> None:
    response = server.post("/ask", json=body)

    assert response.headers["content-type"] == "application/problem+json"
    problem = response.json()
    assert (response.status_code, problem["status"], problem["code"]) == (status, status, code)
    assert problem["request_id"] == response.headers["x-request-id"]


def test_an_unknown_thread_is_not_found(server: httpx.Client) -> None:
    response = server.get("/threads/nothing-was-said-here")

    assert (response.status_code, response.json()["code"]) == (404, "unknown_thread")


def test_a_thread_answers_one_question_at_a_time(server: httpx.Client) -> None:
    body = {"question": "Compare the notice period and the rent", "thread_id": "crowded"}

    with ThreadPoolExecutor(8) as pool:
        responses = list(pool.map(lambda _: server.post("/ask", json=body), range(8)))

    answered = [response for response in responses if response.status_code == 200]
    refused = [response for response in responses if response.status_code == 409]
    assert len(answered) + len(refused) == 8
    assert answered
    assert all(response.json()["code"] == "thread_busy" for response in refused)
    assert len(server.get("/threads/crowded").json()["turns"]) == len(answered)


def test_the_newest_turns_of_a_thread_can_be_had_alone(server: httpx.Client) -> None:
    thread_id = ask(server, "How long is the notice period?")["thread_id"]
    ask(server, "And during probation?", thread_id=thread_id)

    newest = server.get(f"/threads/{thread_id}", params={"last": 1}).json()
    assert [turn["question"] for turn in newest["turns"]] == ["And during probation?"]
    assert newest["turn_count"] == 2
    assert server.get(f"/threads/{thread_id}", params={"last": 0}).status_code == 422
