"""Collections over HTTP: made, listed, set up and deleted with all that is in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.live import make_settings, running

NO_SETTINGS = {"chunk_tokens": None, "chunk_overlap_tokens": None, "top_k": None, "retention_days": None}
SENTENCES = " ".join(f"Clause {n} deals with the rent of warehouse {n}." for n in range(60))


def add(server: httpx.Client, text: str, collection: str = "default", **fields: Any) -> dict[str, Any]:
    body = {"documents": [{"text": text, **fields}], "collection": collection}
    document: dict[str, Any] = server.post("/index", json=body).json()["documents"][0]
    return document


def test_a_collection_is_made_listed_and_deleted(fresh_server: httpx.Client, tmp_path: Path) -> None:
    made = fresh_server.post("/collections", json={"name": "contracts", "settings": {"top_k": 3}})
    assert made.status_code == 201
    assert made.json()["settings"] == NO_SETTINGS | {"top_k": 3}
    add(fresh_server, "The rent is due.", "contracts")

    listed = fresh_server.get("/collections").json()["collections"]
    assert [(found["name"], found["documents"]) for found in listed] == [("contracts", 1), ("default", 0)]
    assert fresh_server.get("/collections/contracts").json()["bytes"] == len("The rent is due.")

    assert fresh_server.delete("/collections/contracts").status_code == 204
    gone = fresh_server.get("/collections/contracts")
    assert (gone.status_code, gone.json()["code"]) == (404, "unknown_collection")
    assert fresh_server.get("/stats").json()["documents"] == 0
    searched = fresh_server.post("/search", json={"query": "rent", "collection": "contracts"})
    assert searched.json()["code"] == "unknown_collection"


def test_deleting_a_collection_leaves_no_file_that_no_other_has(tmp_path: Path) -> None:
    with running(make_settings(tmp_path)) as server:
        for text, collection in (("In both.", "left"), ("In both.", "right"), ("Left alone.", "left")):
            files = {"files": ("a.txt", text.encode())}
            server.post("/upload?wait=true", files=files, data={"collection": collection}).raise_for_status()
        server.delete("/collections/left")

        originals = [path.read_text() for path in (tmp_path / "data/originals").glob("??/*")]
        assert originals == ["In both."]
        (found,) = server.post("/search", json={"query": "both", "collection": "right"}).json()["results"]
        assert found["text"] == "In both."


def test_the_default_collection_can_be_emptied_and_stays(fresh_server: httpx.Client) -> None:
    assert fresh_server.get("/collections/default").json()["created_at"] is None
    taken = fresh_server.post("/collections", json={"name": "default"})
    assert (taken.status_code, taken.json()["code"]) == (409, "collection_exists")
    add(fresh_server, "Something.")

    assert fresh_server.delete("/collections/default").status_code == 204
    assert fresh_server.get("/collections/default").json()["documents"] == 0
    assert fresh_server.post("/search", json={"query": "something"}).json()["results"] == []


def test_a_name_is_taken_once(fresh_server: httpx.Client) -> None:
    add(fresh_server, "Something.", "implicit")

    for name in ("implicit", "explicit", "explicit"):
        response = fresh_server.post("/collections", json={"name": name})
    assert (response.status_code, response.json()["code"]) == (409, "collection_exists")
    assert fresh_server.post("/collections", json={"name": "implicit"}).status_code == 409


def test_settings_hold_for_what_is_indexed_and_asked_from_then_on(fresh_server: httpx.Client) -> None:
    fresh_server.post("/collections", json={"name": "small", "settings": {"chunk_tokens": 40}})
    fresh_server.patch("/collections/small", json={"settings": {"chunk_overlap_tokens": 0, "top_k": 2}})
    small = add(fresh_server, SENTENCES, "small")
    usual = add(fresh_server, SENTENCES)
    assert small["chunks"] > 2 * usual["chunks"]

    def found(**fields: Any) -> int:
        response = fresh_server.post("/search", json={"query": "rent", "collection": "small", **fields})
        return len(response.json()["results"])

    assert (found(), found(k=4)) == (2, 4)
    changed = fresh_server.patch("/collections/small", json={"settings": {"chunk_tokens": None}}).json()
    assert changed["settings"] == NO_SETTINGS | {"chunk_overlap_tokens": 0, "top_k": 2}
    assert "from now on" in changed["warnings"][0]
    assert fresh_server.get("/collections/small").json()["chunks"] == small["chunks"]
    assert fresh_server.patch("/collections/small", json={"settings": {"top_k": 3}}).json()["warnings"] == []


def test_a_question_finds_as_many_chunks_as_its_collection_says(fresh_server: httpx.Client) -> None:
    texts = ["The rent of the mill is 10 euros.", "The rent of the barn is 20 euros."]
    for text in texts:
        add(fresh_server, text, "one")
    fresh_server.patch("/collections/one", json={"settings": {"top_k": 1}})
    question = {
        "question": "What is the rent of the mill and of the barn?",
        "collection": "one",
        "agent": "qa",
    }

    cited = {c["document_id"] for c in fresh_server.post("/ask", json=question).json()["citations"]}
    both = fresh_server.post("/ask", json=question | {"top_k": 2}).json()["citations"]
    assert len(cited) == 1
    assert len({citation["document_id"] for citation in both}) == 2


def test_the_default_collection_can_have_settings(fresh_server: httpx.Client) -> None:
    changed = fresh_server.patch("/collections/default", json={"settings": {"top_k": 9}})

    assert (changed.status_code, changed.json()["settings"]["top_k"]) == (200, 9)
    assert fresh_server.get("/collections/default").json()["settings"]["top_k"] == 9


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"name": ""},
        {"name": "a\0b"},
        {"name": "x" * 10_000},
        {"name": "../up"},
        {"name": None},
        {"name": "x", "settings": {"chunk_tokens": 31}},
        {"name": "x", "settings": {"chunk_tokens": 10**30}},
        {"name": "x", "settings": {"chunk_tokens": 32, "chunk_overlap_tokens": 32}},
        {"name": "x", "settings": {"chunk_overlap_tokens": 250}},
        {"name": "x", "settings": {"chunk_overlap_tokens": -1}},
        {"name": "x", "settings": {"top_k": 0}},
        {"name": "x", "settings": {"colour": "red"}},
        {"name": "x", "settings": None},
    ],
)
def test_what_cannot_be_a_collection_is_refused(server: httpx.Client, body: dict[str, Any]) -> None:
    response = server.post("/collections", json=body)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert response.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
@pytest.mark.parametrize(
    ("name", "status", "code"),
    [
        ("nowhere", 404, "unknown_collection"),
        ("x" * 10_000, 422, "invalid_request"),
        ("a%00b", 422, "invalid_request"),
    ],
)
def test_a_collection_that_is_not_there(
    server: httpx.Client, method: str, name: str, status: int, code: str
) -> None:
    body = {"settings": {"top_k": 3}} if method == "PATCH" else None
    response = server.request(method, f"/collections/{name}", json=body)

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_change_that_does_not_fit_changes_nothing(fresh_server: httpx.Client) -> None:
    fresh_server.post("/collections", json={"name": "x", "settings": {"chunk_overlap_tokens": 60}})
    refused = fresh_server.patch("/collections/x", json={"settings": {"chunk_tokens": 50, "top_k": 1}})

    assert refused.status_code == 422
    assert "chunk_overlap_tokens=60" in refused.json()["detail"]
    assert fresh_server.get("/collections/x").json()["settings"]["top_k"] is None
