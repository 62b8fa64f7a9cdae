"""Summaries say how much they read, of whole documents or of a section, and remember what a model noted."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests import postgres
from tests.fixtures.documents import make_pdf
from tests.live import make_settings, remote, running
from tests.stub_openai import StubOpenAI
from tests.unit.test_summarize import chapter

MANUAL = """# Pump manual

## Safety

Never open the pump while it runs. The safety valve has to be tested each week by two people.

## Cleaning

The filter of the pump is washed with warm water once a month. Cleaning takes a quarter of an hour.
"""


def summarize(server: httpx.Client, question: str, **fields: Any) -> dict[str, Any]:
    body = {"question": question, "agent": "summarize", **fields}
    answer: dict[str, Any] = server.post("/ask", json=body).raise_for_status().json()
    return answer


def index(server: httpx.Client, name: str, text: str) -> dict[str, Any]:
    body = {"documents": [{"name": name, "text": text}]}
    (info,) = server.post("/index", json=body).raise_for_status().json()["documents"]
    document: dict[str, Any] = info
    return document


def test_three_hundred_pages_are_read_from_the_first_to_the_last(fresh_server: httpx.Client) -> None:
    pages = make_pdf([f"{chapter(f'House {number}')} It stands on lot {number}." for number in range(300)])
    uploaded = fresh_server.post("/upload?wait=true", files={"files": ("town.pdf", pages)}).json()
    (document,) = uploaded["documents"]
    answer = summarize(fresh_server, "Summarize the document")
    assert answer["coverage"] == {
        "documents": 1,
        "chunks": document["chunks"],
        "chunks_read": document["chunks"],
        "pages": 300,
        "pages_read": 300,
    }
    cited = [citation["page"] for citation in answer["citations"]]
    assert max(cited) - min(cited) > 200


def test_a_section_is_summarised_alone(fresh_server: httpx.Client) -> None:
    index(fresh_server, "manual.md", MANUAL)
    answer = summarize(fresh_server, "Summarise the section on cleaning in the pump manual")
    assert "warm water" in answer["answer"]
    assert "safety valve" not in answer["answer"]
    assert answer["coverage"]["chunks"] == 1


def test_what_will_be_read_is_said_beforehand(fresh_server: httpx.Client) -> None:
    index(fresh_server, "manual.md", MANUAL)
    with remote(fresh_server, "summarize") as agent:
        events = list(agent.stream({"question": "Summarize"}))
    said = [event["content"] for event in events if event["type"] == "status"]
    assert any("tokens in 1 parts" in content for content in said)


def test_keywords_are_shown_with_the_document(fresh_server: httpx.Client) -> None:
    document = index(fresh_server, "manual.md", MANUAL)
    assert "pump" in [keyword.casefold() for keyword in document["keywords"]]
    listed = fresh_server.get(f"/documents/{document['document_id']}").json()
    assert listed["keywords"] == document["keywords"]


def test_a_second_summary_asks_only_for_its_last_words(tmp_path_factory: pytest.TempPathFactory) -> None:
    long = "\n\n".join(chapter(f"House {number}") * 3 for number in range(60))
    with StubOpenAI() as stub:
        settings = make_settings(
            tmp_path_factory.mktemp("noted"),
            openai_api_key="sk-test-not-a-key",
            openai_base_url=stub.base_url,
            embedding_model="embedded:all-MiniLM-L6-v2",
        )
        with running(settings) as server:
            document = index(server, "town.txt", long)
            wanted = {"document_ids": [document["document_id"]]}
            first = summarize(server, "Summarize it", **wanted)
            parts = len(stub.requests) - 1
            assert parts > 1
            again = summarize(server, "Summarize it", **wanted)
            assert len(stub.requests) == parts + 2
            assert again["answer"] == first["answer"]
            assert again["coverage"]["chunks_read"] == document["chunks"]
            summarize(server, "Summarize the houses", **wanted)
            assert len(stub.requests) == 2 * parts + 3

            server.delete(f"/documents/{document['document_id']}").raise_for_status()
        if not postgres.is_asked_for():
            assert b"House 7" not in (settings.data_dir / "llmops.db").read_bytes()
