"""The examples do what they show, against the real service with the sample documents in it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import httpx


def questions(root: Path) -> dict[str, list[dict[str, Any]]]:
    loaded: dict[str, list[dict[str, Any]]] = json.loads(
        (root / "examples/questions.json").read_text("utf-8")
    )
    return loaded


def test_the_remote_runnable_example_runs(service: httpx.Client, root: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-W", "error", str(root / "examples/remote_runnable.py"), str(service.base_url)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    sections = [line for line in finished.stdout.splitlines() if line.startswith("# ")]
    assert sections == [
        "# invoke",
        "# batch",
        "# stream",
        "# two turns on one thread",
        "# a plan to approve",
        "# an error",
        "# ainvoke",
        "# astream",
    ]
    holidays = finished.stdout.partition("# invoke")[2].partition("# batch")[0]
    assert "28" in holidays
    assert "(verified)" in holidays
    second_turn = finished.stdout.partition("> How many people work there?")[2].partition("# a plan")[0]
    assert "97 people" in second_turn
    plan = finished.stdout.partition("# a plan to approve")[2].partition("# an error")[0]
    assert "planned: [" in plan
    assert "research agent" in plan
    assert "weeks" in plan or "months" in plan
    assert "refused with 422 invalid_request" in finished.stdout


def test_the_mcp_example_runs(service: httpx.Client, root: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-W", "error", str(root / "examples/mcp_client.py"), str(service.base_url)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "ask_documents: Ask the documents" in finished.stdout
    assert "… Working as qa" in finished.stdout
    assert "28" in finished.stdout.partition("# ask_documents")[2]
    assert "(stands there)" in finished.stdout
    assert "True: unknown_document: There is no document 'nope'" in finished.stdout


def test_the_curl_example_runs(fresh_service: httpx.Client, root: Path) -> None:
    finished = subprocess.run(
        ["sh", str(root / "examples/curl.sh"), str(fresh_service.base_url)],
        capture_output=True,
        text=True,
        timeout=50,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    said = finished.stdout
    assert '"status":"indexed"' in said.partition("# Upload")[2].partition("# Ask")[0]
    assert "behind the blue door" in said.partition("# Ask")[2].partition("# Search")[0]
    assert '"type":"final"' in said.partition("# Watch")[2]
    assert '"code":"invalid_request"' in said.partition("# What an error")[2]


def test_the_questions_about_the_samples_are_answered(service: httpx.Client, root: Path) -> None:
    """Most of them, each with a citation that was checked; how many exactly is the evaluation's business."""
    wrong = []
    for expected in questions(root)["answerable"]:
        answer = service.post("/ask", json={"question": expected["question"]}).json()
        quotes = [citation["quote"] for citation in answer["citations"] if citation["verified"]]
        if not quotes or expected["answer"] not in " ".join([answer["answer"], *quotes]):
            wrong.append((expected["question"], answer["answer"]))
    assert len(wrong) <= 4, wrong


def test_the_sample_report_is_what_its_source_says(root: Path, samples: Path, tmp_path: Path) -> None:
    made = tmp_path / "report.pdf"
    subprocess.run(
        [sys.executable, str(root / "examples/make_annual_report.py"), str(made)], check=True, timeout=50
    )
    assert made.read_bytes() == (samples / "larkfield-annual-report-2025.pdf").read_bytes()
