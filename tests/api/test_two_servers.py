"""Two processes on one data directory answer from one truth, whichever of them a client happens to reach."""

from __future__ import annotations

import time
from pathlib import Path

import httpx

from tests.live import spawned


def texts_found(server: httpx.Client, query: str) -> list[str]:
    response = server.post("/search", json={"query": query})
    assert response.status_code == 200, response.text
    return [result["text"] for result in response.json()["results"]]


def test_what_one_server_takes_in_the_other_knows(tmp_path: Path) -> None:
    with spawned(tmp_path) as (first, _), spawned(tmp_path) as (second, _):
        for number in range(10):
            writer, reader = (first, second) if number % 2 else (second, first)
            text = f"The sluice code of depot {number} is {4711 + number}."
            response = writer.post("/index", json={"documents": [{"text": text, "name": f"depot {number}"}]})
            (document,) = response.raise_for_status().json()["documents"]
            assert texts_found(reader, f"sluice code of depot {number}")[0] == text
            reader.delete(f"/documents/{document['document_id']}").raise_for_status()
            assert text not in texts_found(writer, f"sluice code of depot {number}")

        accepted = first.post("/upload", files={"files": ("note.txt", b"The key hangs in the hall.")}).json()
        deadline = time.monotonic() + 30
        while second.get(f"/jobs/{accepted['job_id']}").json()["state"] in ("queued", "running"):
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert texts_found(second, "Where does the key hang?") == ["The key hangs in the hall."]

        thread = {"thread_id": "shared", "question": "Where does the key hang?"}
        first.post("/ask", json=thread).raise_for_status()
        assert len(second.get("/threads/shared").json()["turns"]) == 1
