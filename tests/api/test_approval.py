"""A research may wait until its plan is approved: by REST and LangServe, across restarts, and for nothing else."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import HANDBOOK, LEASE
from tests.live import make_settings, remote, running

QUESTION = "Compare the notice period and the monthly rent"


@pytest.fixture
def library(fresh_server: httpx.Client) -> httpx.Client:
    documents = [{"text": HANDBOOK, "name": "handbook.md"}, {"text": LEASE, "name": "lease.txt"}]
    fresh_server.post("/index", json={"documents": documents}).raise_for_status()
    return fresh_server


def ask_for_plan(server: httpx.Client, **fields: Any) -> dict[str, Any]:
    body = {"question": QUESTION, "agent": "research", "approve_plan": True, **fields}
    response = server.post("/ask", json=body)
    assert response.status_code == 202, response.text
    interrupt: dict[str, Any] = response.json()
    return interrupt


def test_a_plan_is_approved_as_it_is(library: httpx.Client) -> None:
    interrupt = ask_for_plan(library)
    assert (interrupt["type"], interrupt["id"]) == ("interrupt", interrupt["run_id"])
    assert len(interrupt["value"]["sub_questions"]) > 1
    thread = f"/threads/{interrupt['thread_id']}"
    assert library.get(thread).json()["turns"] == []

    answer = library.post(f"{thread}/resume", json={}).raise_for_status().json()
    assert answer["agent"] == "research"
    assert "six weeks" in answer["answer"]
    assert [turn["question"] for turn in library.get(thread).json()["turns"]] == [QUESTION]
    again = library.post(f"{thread}/resume", json={})
    assert (again.status_code, again.json()["code"]) == (409, "nothing_to_resume")


def test_a_plan_is_changed(library: httpx.Client) -> None:
    thread_id = ask_for_plan(library, thread_id="changed")["thread_id"]
    body = {"sub_questions": ["How many days of paid holiday are there?"]}
    answer = library.post(f"/threads/{thread_id}/resume", json=body).raise_for_status().json()
    assert "28 days" in answer["answer"]


def test_another_question_takes_the_place_of_what_waits(library: httpx.Client) -> None:
    ask_for_plan(library, thread_id="other")
    body = {"question": "What is the notice period?", "thread_id": "other", "agent": "qa"}
    library.post("/ask", json=body).raise_for_status()
    assert library.post("/threads/other/resume", json={}).status_code == 409


def test_a_plan_that_waits_is_forgotten_with_its_thread(library: httpx.Client) -> None:
    ask_for_plan(library, thread_id="forgotten")
    assert library.delete("/threads/forgotten").status_code == 204
    assert library.post("/threads/forgotten/resume", json={}).status_code == 409
    assert library.delete("/threads/forgotten").status_code == 404


def test_the_plan_that_waits_is_read_and_discarded(library: httpx.Client) -> None:
    interrupt = ask_for_plan(library, thread_id="read")
    plan = "/threads/read/plan"
    assert library.get(plan).raise_for_status().json() == {
        "thread_id": "read",
        "question": QUESTION,
        "sub_questions": interrupt["value"]["sub_questions"],
    }
    assert library.delete(plan).status_code == 204
    for response in (library.get(plan), library.delete(plan)):
        assert (response.status_code, response.json()["code"]) == (404, "no_waiting_plan")
    assert library.post("/threads/read/resume", json={}).status_code == 409


def test_no_plan_waits_where_it_was_carried_out(library: httpx.Client) -> None:
    ask_for_plan(library, thread_id="done")
    library.post("/threads/done/resume", json={}).raise_for_status()
    assert library.get("/threads/done/plan").status_code == 404


def listed(server: httpx.Client) -> list[dict[str, Any]]:
    threads: list[dict[str, Any]] = server.get("/threads").raise_for_status().json()["threads"]
    return threads


def test_a_thread_with_nothing_but_a_plan_is_listed_while_it_waits(library: httpx.Client) -> None:
    ask_for_plan(library, thread_id="listed")
    (thread,) = listed(library)
    assert (thread["thread_id"], thread["title"]) == ("listed", QUESTION)
    assert (thread["turn_count"], thread["waits"]) == (0, True)
    assert library.get("/threads", params={"q": "monthly RENT"}).json()["total"] == 1
    ask_for_plan(library, thread_id="listed", question="Compare the holidays and the deposit")
    assert [found["title"] for found in listed(library)] == ["Compare the holidays and the deposit"]

    library.delete("/threads/listed/plan").raise_for_status()
    assert listed(library) == []
    assert library.get("/threads/listed").status_code == 404


def test_a_plan_that_was_carried_out_waits_no_longer(library: httpx.Client) -> None:
    ask_for_plan(library, thread_id="listed")
    library.post("/threads/listed/resume", json={}).raise_for_status()
    assert [(found["turn_count"], found["waits"]) for found in listed(library)] == [(1, False)]
    ask_for_plan(library, thread_id="listed")
    assert [(found["turn_count"], found["waits"]) for found in listed(library)] == [(1, True)]
    library.delete("/threads/listed/plan").raise_for_status()
    assert [(found["turn_count"], found["waits"]) for found in listed(library)] == [(1, False)]


def test_the_title_that_a_user_gave_outlasts_the_plan(library: httpx.Client) -> None:
    ask_for_plan(library, thread_id="named")
    library.patch("/threads/named", json={"title": "Rents"}).raise_for_status()
    body = {"question": "What is the notice period?", "thread_id": "named", "agent": "qa"}
    library.post("/ask", json=body).raise_for_status()
    assert [(found["title"], found["turn_count"]) for found in listed(library)] == [("Rents", 1)]


@pytest.mark.sqlite
def test_a_plan_of_an_earlier_version_is_listed_after_the_next_start(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    with running(settings) as server:
        server.post("/index", json={"documents": [{"text": HANDBOOK}]}).raise_for_status()
        thread_id = ask_for_plan(server)["thread_id"]
    with closing(sqlite3.connect(settings.data_dir / "threads.db")) as file:
        file.execute("DELETE FROM threads")
        file.commit()
    with running(settings) as server:
        assert [(found["thread_id"], found["title"]) for found in listed(server)] == [(thread_id, QUESTION)]


def test_only_a_research_waits(library: httpx.Client) -> None:
    body = {"question": "What is the notice period?", "agent": "qa", "approve_plan": True}
    assert library.post("/ask", json=body).status_code == 200


@pytest.mark.parametrize("sub_questions", [[], [" "], ["x"] * 9, "x", [1]])
def test_what_is_no_plan_is_refused_and_the_research_waits_on(
    library: httpx.Client, sub_questions: Any
) -> None:
    ask_for_plan(library, thread_id="kept")
    response = library.post("/threads/kept/resume", json={"sub_questions": sub_questions})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert library.post("/threads/kept/resume", json={}).status_code == 200


def test_a_plan_waits_across_a_restart(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    with running(settings) as server:
        server.post("/index", json={"documents": [{"text": HANDBOOK}]}).raise_for_status()
        thread_id = ask_for_plan(server)["thread_id"]
    with running(settings) as server:
        answer = server.post(f"/threads/{thread_id}/resume", json={}).raise_for_status().json()
        assert "six weeks" in answer["answer"]


def test_a_plan_is_approved_over_langserve(library: httpx.Client) -> None:
    for path in ("agent", "research"):
        with remote(library, path) as agent:
            config: Any = {"configurable": {"thread_id": f"t-{path}", "approve_plan": True}}
            question = {"question": QUESTION, "agent": "research"}
            *_, last = agent.stream(question, config)
            assert last["type"] == "interrupt"
            assert last["value"]["sub_questions"]
            assert isinstance(last["content"], str)
            *_, final = agent.stream({"resume": {"sub_questions": ["What is the notice period?"]}}, config)
            assert final["type"] == "final"
            assert "six weeks" in final["answer"]

            assert agent.invoke(question, config)["type"] == "interrupt"
            assert agent.invoke({"resume": {"sub_questions": None}}, config)["type"] == "final"
            with pytest.raises(httpx.HTTPStatusError, match="409"):
                agent.invoke({"resume": {"sub_questions": None}}, config)


def test_a_question_and_a_resume_at_once_are_refused(library: httpx.Client) -> None:
    body = {"input": {"question": QUESTION, "resume": {"sub_questions": ["x"]}}}
    response = library.post("/research/invoke", json=body)
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
