"""Research goes on from what it finds, within its budget, and says what it is doing."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from app.settings import EMBEDDED_EMBEDDING_MODEL
from tests.live import make_settings, remote, running
from tests.stub_openai import StubOpenAI
from tests.stub_replies import Body, prompt_of

FACTS = {
    "moonrise.txt": "Moonrise is a ballad. It was first performed by Hank Nordahl in 1961.",
    "nordahl.txt": "Hank Nordahl grew up on a farm and came into the world in Lunde.",
    "rent north.txt": "The monthly rent of the harbour warehouse is 900 euros.",
    "rent south.txt": "The monthly rent of the harbour warehouse is 950 euros.",
} | {f"filler {number}.txt": f"Ballad number {number} was performed by a choir." for number in range(30)}
QUESTION = "Where did the performer of Moonrise grow up?"


def serve(folder: Any, **overrides: Any) -> Any:
    return running(make_settings(folder, top_k=1, **overrides))


def fill(server: httpx.Client) -> None:
    documents = [{"name": name, "text": text} for name, text in FACTS.items()]
    server.post("/index", json={"documents": documents}).raise_for_status()


def research(server: httpx.Client, question: str) -> dict[str, Any]:
    response = server.post("/ask", json={"question": question, "agent": "research"})
    answer: dict[str, Any] = response.raise_for_status().json()
    return answer


def test_what_is_found_leads_on(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serve(tmp_path_factory.mktemp("one")) as server:
        fill(server)
        answer = research(server, QUESTION)
        read = {passage["document_name"] for passage in answer["evidence"]}
        assert {"moonrise.txt", "nordahl.txt"} <= read
        assert {citation["document_id"] for citation in answer["citations"]} <= {
            passage["document_id"] for passage in answer["evidence"]
        }

        with remote(server, "research") as agent:
            events = list(agent.stream({"question": QUESTION}))
        said = [event["content"] for event in events if event["type"] == "status"]
        assert any(content.startswith("Searching: ") and "Nordahl" in content for content in said)


def test_no_round_is_begun_beyond_the_budget(tmp_path_factory: pytest.TempPathFactory) -> None:
    for number, budget in enumerate(({"research_rounds": 0}, {"research_time_s": 0.0})):
        with serve(tmp_path_factory.mktemp(f"budget{number}"), **budget) as server:
            fill(server)
            timings = research(server, QUESTION)["timings_ms"]
            assert "plan" in timings
            assert "follow_1" not in timings


def test_the_model_has_pages_read_and_figures_calculated(tmp_path_factory: pytest.TempPathFactory) -> None:
    def steps(_: Body, schema: dict[str, Any]) -> dict[str, Any]:
        if "calculations" not in schema["properties"]:
            return {"questions": ["What is the rent of the harbour warehouse in the north?"]}
        return {
            "searches": [],
            "pages": [
                {"document": "Nordahl.txt", "first": 1, "last": 1},
                {"document": "none", "first": 1, "last": 9},
            ],
            "calculations": ["900 * 12", "__import__('os')"],
        }

    def write(body: Body) -> str:
        number = re.search(r"^\[(\d+)\] rent north.txt", prompt_of(body), re.MULTILINE)
        assert number is not None
        return f"The rent of the harbour warehouse is 10,800 euros a year, from 900 a month [{number[1]}]."

    with StubOpenAI() as stub:
        stub.reply_structured, stub.reply = steps, write
        model = {"openai_api_key": "sk-test", "openai_base_url": stub.base_url, "research_rounds": 2}
        with serve(
            tmp_path_factory.mktemp("steps"), embedding_model=EMBEDDED_EMBEDDING_MODEL, **model
        ) as server:
            fill(server)
            answer = research(server, "What is the yearly rent of the harbour warehouse in the north?")
        report = stub.requests[-1].prompt
    assert "nordahl.txt" in {passage["document_name"] for passage in answer["evidence"]}
    assert "Calculated:\n- 900 * 12 = 10,800\n" in report + "\n"
    assert report.count("900 * 12 = 10,800") == 1
    assert "import" not in report.split("Calculated:")[1]
    assert answer["citations"][0]["verified"]
    assert {"follow_1", "follow_2"} <= answer["timings_ms"].keys()


def test_contradictions_are_pointed_out(tmp_path_factory: pytest.TempPathFactory) -> None:
    with serve(tmp_path_factory.mktemp("contradiction")) as server:
        fill(server)
        answer = research(server, "Compare the monthly rent of the harbour warehouse in both documents")
        section = answer["answer"].partition("## Contradictions")[2]
        assert "900 euros" in section
        assert "950 euros" in section
