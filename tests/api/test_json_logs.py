"""Log files of a server that writes JSON: each line of a run says whose it is, and none holds a secret or a text."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.live import make_settings, running
from tests.stub_openai import StubOpenAI

KEY = "sk-secret-4711"


def lines(folder: Path, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "logs" / name).read_text().splitlines()]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Of a server that was asked with a model that works and with one that fails."""
    with StubOpenAI() as model:
        settings = make_settings(
            tmp_path,
            log_format="json",
            openai_api_key=KEY,
            openai_base_url=model.base_url,
            embedding_model="embedded:all-MiniLM-L6-v2",
            model_max_retries=0,
        )
        with running(settings) as client:
            client.headers["X-Request-ID"] = "request-1"
            client.post(
                "/index", json={"documents": [{"text": "The rent of Zanzibar is due.", "name": "Zanzibar"}]}
            )
            body = {"question": "When is the rent of Zanzibar due?", "agent": "qa", "thread_id": "thread-1"}
            client.post("/ask", json=body)
            model.mode = "500"
            client.post("/ask", json=body).raise_for_status()
    return tmp_path


def test_what_a_run_logs_from_its_nodes_and_threads_names_run_thread_and_request(folder: Path) -> None:
    logged = lines(folder, "rag.log")
    finished = [line for line in logged if line["event"] == "run_finished"]
    failed = [line for line in logged if line["event"] == "model_failed"]
    assert len(finished) == 2
    assert failed
    for line in (*finished, *failed):
        assert (line["request_id"], line["thread_id"]) == ("request-1", "thread-1")
        assert line["run_id"] in {other["run_id"] for other in finished}
    assert {line["mode"] for line in finished} == {"llm", "demo"}
    assert all(line["request_id"] == "request-1" for line in lines(folder, "embedding.log"))


def test_no_line_holds_a_secret_a_question_or_a_text(folder: Path, capfd: pytest.CaptureFixture[str]) -> None:
    written = "".join(file.read_text() for file in (folder / "logs").iterdir())
    for secret in (KEY, "Zanzibar", "rent"):
        assert secret not in written
    assert "audit.jsonl" in {file.name for file in (folder / "logs").iterdir()}
