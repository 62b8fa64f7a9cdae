"""Many questions in one request: answered row by row, durable, cancelled, exported, and forgotten with documents."""

from __future__ import annotations

import csv
import io
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.api.conftest import HANDBOOK, LEASE
from tests.live import make_settings, running, spawned
from tests.stub_openai import StubOpenAI

NOTICE = "What is the notice period?"
RENT = "How much is the monthly rent?"


def batch(server: httpx.Client, *questions: Any, **fields: Any) -> list[dict[str, Any]]:
    body = {"questions": list(questions), **fields}
    response = server.post("/ask/batch", params={"wait": "true"}, json=body)
    assert response.status_code == 200, response.text
    answers: list[dict[str, Any]] = response.json()["answers"]
    return answers


def wait_for(server: httpx.Client, job_id: str) -> dict[str, Any]:
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        job: dict[str, Any] = server.get(f"/jobs/{job_id}").json()
        if job["state"] not in ("queued", "running"):
            return job
        time.sleep(0.05)
    raise AssertionError(f"the batch did not end: {job}")


def test_answers_come_in_order_and_bad_rows_one_by_one(server: httpx.Client) -> None:
    answers = batch(
        server,
        NOTICE,
        " ",
        {"question": RENT, "agent": "qa"},
        {"question": RENT, "agent": "butler"},
        {"query": RENT},
        7,
        "x" * 9_000,
        {"question": NOTICE, "collection": "nowhere"},
        "Who was the first emperor of Rome?",
    )
    assert "six weeks" in answers[0]["answer"]
    assert "14,200" in answers[2]["answer"]
    assert answers[0]["citations"][0]["verified"]
    assert [answer.get("code") for answer in answers] == [
        None,
        "invalid_request",
        None,
        "unknown_agent",
        *["invalid_request"] * 3,
        "unknown_collection",
        None,
    ]
    assert [answers[place]["status"] for place in (1, 3, 7)] == [422, 404, 404]
    assert answers[8]["refused"]


def test_what_holds_for_all_holds_unless_a_question_says_otherwise(server: httpx.Client) -> None:
    answers = batch(server, NOTICE, {"question": NOTICE, "agent": "qa"}, agent="research")
    assert [answer["agent"] for answer in answers] == ["research", "qa"]


def test_a_batch_leaves_no_conversations(fresh_server: httpx.Client) -> None:
    batch(fresh_server, NOTICE, RENT)
    assert fresh_server.get("/threads").json()["total"] == 0


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("text/csv", f'id;Question;agent\n1;"{NOTICE}";qa\n\n2;{RENT};\n3;;qa\n'),
        ("text/csv; charset=utf-8", f"\ufeffquestion\n{NOTICE}\n{RENT}\n{' ' * 3}x\n"),
        ("application/x-ndjson", f'{{"question": "{NOTICE}", "id": 1}}\n\n"{RENT}"\n{{"question"\n'),
    ],
)
def test_questions_come_as_files(server: httpx.Client, media_type: str, body: str) -> None:
    accepted = server.post("/ask/batch", content=body.encode(), headers={"content-type": media_type})
    assert accepted.status_code == 202
    job = wait_for(server, accepted.json()["job_id"])
    assert (job["state"], job["progress"]) == (
        "done",
        {"done": 3, "total": 3, "stage": "finished", "unit": "questions"},
    )
    results = server.get(f"/jobs/{job['job_id']}/results").json()["results"]
    assert [result["number"] for result in results] == [1, 2, 3]
    assert "six weeks" in results[0]["answer"]["answer"]
    assert "14,200" in results[1]["answer"]["answer"]


@pytest.mark.parametrize(
    ("media_type", "body"),
    [
        ("application/json", b'{"questions": []}'),
        ("application/json", b'{"questions": "x"}'),
        ("application/json", b"[1"),
        ("application/json", b'{"questions": ["x"], "thread_id": "t"}'),
        ("application/json", json.dumps({"questions": ["x"] * 1_001}).encode()),
        ("text/csv", b"a,b\n1,2\n3,4\n"),
        ("text/csv", b""),
        ("text/csv", b"question\n\xff\xfe"),
        ("application/x-ndjson", b"\n"),
        ("application/x-ndjson", b'"x"\n' * 1_001),
        ("text/csv", b"question\n" + b"x\n" * 1_001),
        (
            "application/json",
            json.dumps({"questions": ["x"] * 51, "document_ids": ["d" * 32] * 1_000}).encode(),
        ),
    ],
)
def test_what_is_no_batch_is_refused_as_a_whole(server: httpx.Client, media_type: str, body: bytes) -> None:
    response = server.post("/ask/batch", content=body, headers={"content-type": media_type})
    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")


def test_a_line_that_cannot_be_read_is_told_by_how_it_begins(server: httpx.Client) -> None:
    body = (
        f'{{"question": "What\u2028is the notice period?"}}\n{{"question": {"9" * 500}\n[{"1, " * 5_000}2]\n'
    )
    accepted = server.post(
        "/ask/batch", content=body.encode(), headers={"content-type": "application/x-ndjson"}
    )
    job = wait_for(server, accepted.json()["job_id"])
    read, cut, listed = server.get(f"/jobs/{job['job_id']}/results").json()["results"]
    assert read["state"] == "done"
    assert cut["question"] == ('{"question": ' + "9" * 500)[:200]
    assert cut["problem"]["code"] == "invalid_request"
    assert listed["question"].startswith("[1, 1, ")
    assert len(listed["question"]) < 200


def test_the_problem_of_a_row_is_short_whatever_its_row_holds(server: httpx.Client) -> None:
    answers = batch(server, {"question": "x", **{f"field {number}": 1 for number in range(2_000)}})
    assert answers[0]["code"] == "invalid_request"
    assert len(answers[0]["detail"]) == 1_000


def test_results_are_files_that_no_spreadsheet_computes(server: httpx.Client) -> None:
    formula = '=HYPERLINK("http://evil.example")'
    job_id = server.post("/ask/batch", json={"questions": [NOTICE, formula, " "]}).json()["job_id"]
    wait_for(server, job_id)
    table = server.get(f"/jobs/{job_id}/results", params={"format": "csv"})
    assert table.headers["content-disposition"].startswith("attachment")
    rows = list(csv.DictReader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert [row["state"] for row in rows] == ["done", "done", "failed"]
    assert "[1] handbook.md: " in rows[0]["sources"]
    assert rows[1]["question"] == f"'{formula}"
    assert rows[2]["problem"].startswith("invalid_request: ")
    lines = server.get(f"/jobs/{job_id}/results", params={"format": "jsonl"}).text.splitlines()
    assert [json.loads(line)["number"] for line in lines] == [1, 2, 3]


def test_results_of_what_is_no_batch_are_not_found(fresh_server: httpx.Client) -> None:
    upload = fresh_server.post("/upload", files={"files": ("a.txt", b"Some words.")}).json()["job_id"]
    for job_id in ("nothing", upload):
        response = fresh_server.get(f"/jobs/{job_id}/results")
        assert (response.status_code, response.json()["code"]) == (404, "unknown_job")


def test_answers_are_forgotten_with_what_they_quote(fresh_server: httpx.Client) -> None:
    indexed = fresh_server.post("/index", json={"documents": [{"text": HANDBOOK}, {"text": LEASE}]}).json()
    questions = [NOTICE, RENT, "What is the notice period of the swimming pool?"]
    job_id = fresh_server.post("/ask/batch", json={"questions": questions}).json()["job_id"]
    wait_for(fresh_server, job_id)
    handbook = indexed["documents"][0]["document_id"]
    fresh_server.delete(f"/documents/{handbook}").raise_for_status()
    results = fresh_server.get(f"/jobs/{job_id}/results").json()["results"]
    assert results[0]["answer"] is None
    assert results[0]["problem"]["code"] == "unknown_document"
    assert "14,200" in results[1]["answer"]["answer"]
    assert handbook not in json.dumps(results)
    assert "six weeks" not in json.dumps(results)


@pytest.fixture
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """A server whose model takes half a second, and which answers two questions at a time."""
    with StubOpenAI(delay_s=0.5) as stub:
        settings = make_settings(
            tmp_path_factory.mktemp("slow"),
            openai_api_key="sk-test-not-a-key",
            openai_base_url=stub.base_url,
            embedding_model="embedded:all-MiniLM-L6-v2",
        )
        with running(settings) as server:
            server.post("/index", json={"documents": [{"text": HANDBOOK}]}).raise_for_status()
            yield server


def test_a_batch_is_cancelled_and_resumed(slow: httpx.Client) -> None:
    body = {"questions": [NOTICE] * 6, "agent": "qa"}
    job_id = slow.post("/ask/batch", json=body).json()["job_id"]
    while slow.get(f"/jobs/{job_id}").json()["progress"]["done"] == 0:
        time.sleep(0.05)
    cancelled = slow.delete(f"/jobs/{job_id}").json()
    assert cancelled["state"] == "cancelled"
    states = [result["state"] for result in slow.get(f"/jobs/{job_id}/results").json()["results"]]
    assert set(states) == {"done", "cancelled"}
    done = states.count("done")
    time.sleep(0.8)
    assert slow.get(f"/jobs/{job_id}/results").json()["results"][-1]["state"] == "cancelled"
    assert slow.post(f"/jobs/{job_id}/resume").status_code == 200
    job = wait_for(slow, job_id)
    assert (job["state"], job["progress"]["done"]) == ("done", 6)
    assert done < 6


def test_what_could_never_be_asked_is_not_asked_again(server: httpx.Client) -> None:
    job_id = server.post("/ask/batch", json={"questions": [" ", {"agent": "qa"}, NOTICE]}).json()["job_id"]
    wait_for(server, job_id)
    before = server.get(f"/jobs/{job_id}/results").json()["results"]
    assert server.post(f"/jobs/{job_id}/resume").status_code == 200
    assert wait_for(server, job_id)["state"] == "done"
    after = server.get(f"/jobs/{job_id}/results").json()["results"]
    assert [result["problem"] for result in after] == [result["problem"] for result in before]
    assert [result["state"] for result in after] == ["failed", "failed", "done"]


def test_a_batch_goes_on_after_a_kill(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-not-a-key")
    monkeypatch.setenv("LLMOPS_EMBEDDING_MODEL", "embedded:all-MiniLM-L6-v2")
    with StubOpenAI(delay_s=0.3) as stub:
        monkeypatch.setenv("OPENAI_BASE_URL", stub.base_url)
        with spawned(tmp_path) as (server, process):
            server.post("/index", json={"documents": [{"text": HANDBOOK}]}).raise_for_status()
            body = {"questions": [f"{NOTICE} {number}" for number in range(8)], "agent": "qa"}
            job_id = server.post("/ask/batch", json=body).json()["job_id"]
            while server.get(f"/jobs/{job_id}").json()["progress"]["done"] < 2:
                time.sleep(0.05)
            process.kill()
            process.wait()
        asked = len(stub.requests)
        with spawned(tmp_path) as (server, _):
            job = wait_for(server, job_id)
        assert (job["state"], job["progress"]["done"]) == ("done", 8)
        assert len(stub.requests) - asked <= 6
