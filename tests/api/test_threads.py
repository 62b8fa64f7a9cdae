"""Conversations are listed, named, forked, exported and deleted, and none of it disturbs another."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import Any

import httpx
import pytest

from tests.api.conftest import HANDBOOK
from tests.live import make_settings, running
from tests.stub_openai import StubOpenAI
from tests.stub_replies import answer_from_sources, prompt_of
from tests.unit.test_thread_locks import HOLD

QUESTION = "What is the notice period?"


@pytest.fixture
def talked(fresh_server: httpx.Client) -> httpx.Client:
    """A server on which the thread `first` has two turns and `second` one."""
    documents = [{"text": HANDBOOK, "name": "hand_book [v1].md"}]
    fresh_server.post("/index", json={"documents": documents}).raise_for_status()
    for thread_id, question in (
        ("first", QUESTION),
        ("first", "And during probation?"),
        ("second", "How many days of *holiday* are there?"),
    ):
        ask(fresh_server, question, thread_id)
    return fresh_server


def ask(server: httpx.Client, question: str, thread_id: str) -> dict[str, Any]:
    response = server.post("/ask", json={"question": question, "thread_id": thread_id})
    answer: dict[str, Any] = response.raise_for_status().json()
    return answer


def listed(server: httpx.Client, **query: Any) -> list[str]:
    return [thread["thread_id"] for thread in server.get("/threads", params=query).json()["threads"]]


def test_the_last_used_comes_first(talked: httpx.Client) -> None:
    page = talked.get("/threads").json()
    assert [(thread["thread_id"], thread["title"], thread["turn_count"]) for thread in page["threads"]] == [
        ("second", "How many days of *holiday* are there?", 1),
        ("first", QUESTION, 2),
    ]
    assert (page["total"], page["next_offset"]) == (2, None)
    ask(talked, "How many days are there?", "first")
    assert listed(talked) == ["first", "second"]
    assert listed(talked, q="HOLIDAY") == ["second"]
    assert listed(talked, q="%") == []
    assert talked.get("/threads", params={"limit": 1}).json()["next_offset"] == 1
    assert listed(talked, limit=1, offset=1) == ["second"]


def test_a_user_renames_a_thread(talked: httpx.Client) -> None:
    renamed = talked.patch("/threads/first", json={"title": "  Leaving\u0007 early "})
    assert (renamed.status_code, renamed.json()["title"]) == (200, "Leaving early")
    ask(talked, "How many days of holiday are there?", "first")
    assert talked.get("/threads/first").json()["title"] == "Leaving early"


@pytest.mark.parametrize("title", ["", " \t", "\x00\x1b", "x" * 201, None, 7])
def test_what_is_no_title_is_refused(talked: httpx.Client, title: Any) -> None:
    body = json.dumps({"title": title}).encode()
    response = talked.patch("/threads/first", content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "", None),
        ("PATCH", "", {"title": "x"}),
        ("DELETE", "", None),
        ("GET", "/export", None),
        ("POST", "/fork", {"after_turn": 1}),
    ],
)
def test_an_unknown_thread_is_a_404(server: httpx.Client, method: str, path: str, body: Any) -> None:
    response = server.request(method, f"/threads/nobody-said-this{path}", json=body)
    assert (response.status_code, response.json()["code"]) == (404, "unknown_thread")


def test_a_deleted_thread_is_gone_and_may_begin_anew(talked: httpx.Client) -> None:
    assert talked.delete("/threads/first").status_code == 204
    assert talked.get("/threads/first").status_code == 404
    assert talked.delete("/threads/first").status_code == 404
    assert listed(talked) == ["second"]
    follow_up = ask(talked, "And during probation?", "first")
    assert len(talked.get("/threads/first").json()["turns"]) == 1
    assert follow_up["thread_id"] == "first"


def test_a_fork_goes_its_own_way(talked: httpx.Client) -> None:
    forked = talked.post("/threads/first/fork", json={"after_turn": 1})
    assert forked.status_code == 201
    fork_id = forked.json()["thread_id"]
    assert (forked.json()["turn_count"], forked.json()["title"]) == (1, f"{QUESTION} (fork)")
    answer = ask(talked, "And during probation?", fork_id)
    assert "two weeks" in answer["answer"]
    ask(talked, "How many days of holiday are there?", fork_id)
    assert len(talked.get("/threads/first").json()["turns"]) == 2
    turns = talked.get(f"/threads/{fork_id}").json()["turns"]
    assert [turn["question"] for turn in turns][:2] == [QUESTION, "And during probation?"]
    talked.delete("/threads/first").raise_for_status()
    assert len(talked.get(f"/threads/{fork_id}").json()["turns"]) == 3


def test_each_fork_has_a_title_of_its_own(talked: httpx.Client) -> None:
    def fork(thread_id: str) -> tuple[str, str]:
        forked = talked.post(f"/threads/{thread_id}/fork", json={"after_turn": 1}).json()
        return forked["thread_id"], forked["title"]

    talked.patch("/threads/first", json={"title": "100_% sure"}).raise_for_status()
    talked.patch("/threads/second", json={"title": "100x sure (fork)"}).raise_for_status()
    fork_id, title = fork("first")
    assert title == "100_% sure (fork)"
    assert fork("first")[1] == "100_% sure (fork 2)"
    assert fork(fork_id)[1] == "100_% sure (fork 3)"
    assert fork("second")[1] == "100x sure (fork 2)"
    talked.patch("/threads/first", json={"title": "x" * 200}).raise_for_status()
    long = fork("first")[1]
    assert long.endswith("x (fork)")
    talked.patch("/threads/first", json={"title": long}).raise_for_status()


@pytest.mark.parametrize("after_turn", [0, -1, 3, "x", None])
def test_a_fork_needs_a_turn_that_is_there(talked: httpx.Client, after_turn: Any) -> None:
    response = talked.post("/threads/first/fork", json={"after_turn": after_turn})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert len(listed(talked)) == 2


def test_an_export_shows_what_was_said_and_where_it_stands(talked: httpx.Client) -> None:
    talked.patch("/threads/second", json={"title": "<b>Holidays</b> ![x](http://evil.example/x)"})
    markdown = talked.get("/threads/second/export")
    assert markdown.headers["content-type"].startswith("text/markdown")
    assert markdown.headers["content-disposition"].startswith("attachment;")
    text = markdown.text
    assert "\\<b\\>Holidays" in text
    assert "\\*holiday\\*" in text
    assert "- \\[1\\] hand\\_book \\[v1\\].md: “" in text
    assert "28 days" in text

    exported = talked.get("/threads/second/export", params={"format": "json"})
    assert exported.json() == talked.get("/threads/second").json()
    assert talked.get("/threads/second/export", params={"format": "exe"}).status_code == 422


@pytest.mark.sqlite
def test_a_busy_thread_is_not_deleted(tmp_path_factory: pytest.TempPathFactory) -> None:
    settings = make_settings(tmp_path_factory.mktemp("busy"))
    with running(settings) as server:
        ask(server, QUESTION, "shared")
        command = [sys.executable, "-c", HOLD, str(settings.data_dir / "threads.lock")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as other:
            assert other.stdout is not None
            assert other.stdout.readline() == "held\n"
            response = server.delete("/threads/shared")
            assert (response.status_code, response.json()["code"]) == (409, "thread_busy")
            assert len(server.get("/threads/shared").json()["turns"]) == 1
            other.kill()
        assert server.delete("/threads/shared").status_code == 204


def test_a_model_names_the_thread_afterwards(tmp_path_factory: pytest.TempPathFactory) -> None:
    def reply(body: dict[str, Any]) -> str:
        is_title = "You name conversations" in prompt_of(body)
        return "Leaving the Company" if is_title else answer_from_sources(body)

    with StubOpenAI(reply=reply) as stub:
        settings = make_settings(
            tmp_path_factory.mktemp("named"),
            openai_api_key="sk-test-not-a-key",
            openai_base_url=stub.base_url,
            embedding_model="embedded:all-MiniLM-L6-v2",
        )
        with running(settings) as server:
            server.post("/index", json={"documents": [{"text": HANDBOOK}]}).raise_for_status()
            ask(server, QUESTION, "named")
            deadline = time.monotonic() + 10
            while server.get("/threads/named").json()["title"] == QUESTION and time.monotonic() < deadline:
                time.sleep(0.05)
            assert server.get("/threads/named").json()["title"] == "Leaving the Company"
            server.patch("/threads/named", json={"title": "Mine"}).raise_for_status()
            ask(server, "And during probation?", "named")
            time.sleep(0.3)
            assert server.get("/threads/named").json()["title"] == "Mine"
