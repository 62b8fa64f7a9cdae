"""What a reader says of an answer is kept with its turn, goes with its thread, and is nobody else's to break."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests import postgres
from tests.api.conftest import HANDBOOK
from tests.backup_children import backup_of, restore_to
from tests.live import make_settings, running

QUESTION = "What is the notice period?"


def ask(server: httpx.Client, thread_id: str = "talk") -> str:
    response = server.post("/ask", json={"question": QUESTION, "thread_id": thread_id})
    run_id: str = response.raise_for_status().json()["run_id"]
    return run_id


def give(server: httpx.Client, run_id: str, score: int, comment: str | None = None) -> dict[str, Any]:
    response = server.post("/feedback", json={"run_id": run_id, "score": score, "comment": comment})
    kept: dict[str, Any] = response.raise_for_status().json()
    return kept


def said(server: httpx.Client, thread_id: str = "talk") -> list[dict[str, Any] | None]:
    return [
        turn["feedback"] for turn in server.get(f"/threads/{thread_id}").raise_for_status().json()["turns"]
    ]


def test_the_last_word_stands_with_its_turn_and_in_the_export(fresh_server: httpx.Client) -> None:
    fresh_server.post("/index", json={"documents": [{"text": HANDBOOK}]}).raise_for_status()
    first, second = ask(fresh_server), ask(fresh_server)
    assert said(fresh_server) == [None, None]

    give(fresh_server, first, 1, "Good")
    kept = give(fresh_server, first, -1, "  it *forgets*\nprobation ")

    assert (kept["run_id"], kept["score"], kept["comment"]) == (first, -1, "it *forgets*\nprobation")
    assert said(fresh_server) == [kept, None]
    give(fresh_server, second, 1, " \n ")
    [_, blank] = said(fresh_server)
    assert blank is not None
    assert (blank["run_id"], blank["score"], blank["comment"]) == (second, 1, None)
    exported = fresh_server.get("/threads/talk/export", params={"format": "json"}).json()
    assert exported["turns"][0]["feedback"] == kept
    markdown = fresh_server.get("/threads/talk/export").text
    assert "*Feedback: this did not help: “it \\*forgets\\* probation”*" in markdown
    assert "*Feedback: this helped*" in markdown

    assert fresh_server.delete(f"/feedback/{first}").status_code == 204
    assert said(fresh_server)[0] is None
    again = fresh_server.delete(f"/feedback/{first}")
    assert (again.status_code, again.json()["code"]) == (404, "unknown_run")


def test_only_a_run_that_a_thread_remembers_can_be_judged(server: httpx.Client) -> None:
    completion = server.post(
        "/v1/chat/completions", json={"model": "qa", "messages": [{"role": "user", "content": QUESTION}]}
    ).json()
    gone = ask(server, "soon-gone")
    server.delete("/threads/soon-gone").raise_for_status()
    for run_id in ("nobody-ran-this", completion["llmops"]["run_id"], gone, "talk"):
        response = server.post("/feedback", json={"run_id": run_id, "score": 1})
        assert (response.status_code, response.json()["code"]) == (404, "unknown_run")


@pytest.mark.parametrize(
    "change",
    [
        {"score": 0}, {"score": 2}, {"score": True}, {"score": 1.0}, {"score": "1"}, {"score": None},
        {"score": 10**400}, {"run_id": ""}, {"run_id": "../x"}, {"run_id": "a" * 129}, {"run_id": None},
        {"run_id": "x'; DROP TABLE feedback; --"}, {"comment": "x" * 2_001}, {"comment": 7},
        {"comment": ["x"]}, {"stars": 5},
    ],
    ids=repr,
)  # fmt: skip
def test_what_is_no_feedback_is_refused(server: httpx.Client, change: dict[str, Any]) -> None:
    body = json.dumps({"run_id": ask(server), "score": 1} | change).encode()
    response = server.post("/feedback", content=body, headers={"content-type": "application/json"})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def test_any_text_may_be_a_comment(server: httpx.Client) -> None:
    run_id = ask(server, "any-text")
    for comment in (
        "x" * 2_000,
        "'; DELETE FROM turns; --",
        "<script>alert(1)</script>",
        "🦄" * 2_000,
    ):
        assert give(server, run_id, -1, comment)["comment"] == comment
        assert said(server, "any-text")[-1]["comment"] == comment  # type: ignore[index]
    zero = give(server, run_id, -1, "a\u0000b")["comment"]
    assert zero == "a\u0000b"
    stored = "a\N{REPLACEMENT CHARACTER}b" if postgres.is_asked_for() else zero
    assert said(server, "any-text")[-1]["comment"] == stored  # type: ignore[index]
    half = json.dumps({"run_id": run_id, "score": 1, "comment": "\ud800"})
    kept = server.post("/feedback", content=half, headers={"content-type": "application/json"})
    assert kept.json()["comment"] == "\N{REPLACEMENT CHARACTER}"


def test_several_at_once_leave_one_and_the_conversation_whole(server: httpx.Client) -> None:
    run_id = ask(server, "at-once")

    def work(number: int) -> int:
        if number % 5 == 0:
            return server.post(
                "/ask", json={"question": QUESTION, "thread_id": f"beside-{number}"}
            ).status_code
        body = {"run_id": run_id, "score": 1 if number % 2 else -1, "comment": f"number {number}"}
        return server.post("/feedback", json=body).status_code

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(work, range(40))) == {200}
    [kept] = said(server, "at-once")
    assert kept is not None
    number = int(kept["comment"].removeprefix("number "))
    assert kept["score"] == (1 if number % 2 else -1)


def test_feedback_goes_with_the_last_thread_that_has_its_run(server: httpx.Client) -> None:
    run_id = ask(server, "original")
    give(server, run_id, 1)
    fork_id = server.post("/threads/original/fork", json={"after_turn": 1}).json()["thread_id"]
    assert said(server, fork_id) == said(server, "original") != [None]

    server.delete("/threads/original").raise_for_status()
    assert said(server, fork_id)[0] is not None
    server.delete(f"/threads/{fork_id}").raise_for_status()
    assert server.delete(f"/feedback/{run_id}").status_code == 404


@pytest.mark.sqlite
def test_feedback_outlives_a_restart_and_comes_back_from_a_backup(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    with running(settings) as server:
        run_id = ask(server)
        kept = give(server, run_id, -1, "kept")
    with running(settings) as server:
        assert said(server) == [kept]
        backup_of(settings.data_dir, tmp_path / "b.tar")
        give(server, run_id, 1, "changed since")
    restore_to(tmp_path / "other" / "data", tmp_path / "b.tar")
    with running(make_settings(tmp_path / "other")) as server:
        assert said(server) == [kept]
