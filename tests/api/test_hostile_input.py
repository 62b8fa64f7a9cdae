"""Input that was made to break something: it is refused with a code or answered, and never a 500."""

from __future__ import annotations

import json
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest

from app.errors import ConfigurationError
from app.knowledge.records import NewChunk
from app.knowledge.store import open_store
from server import open_services
from tests.live import make_settings, running

HALF = '"\\ud800"'
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("/ask", '{"question": "notice \\ud800 period"}'),
        ("/search", '{"query": "notice \\ud800 period"}'),
        ("/search", f'{{"query": "notice", "filter": {{{HALF}: {HALF}}}}}'),
        ("/agent/invoke", '{"input": {"question": "notice \\ud800 period"}}'),
        ("/agent/stream", '{"input": {"question": "notice \\ud800 period"}}'),
        ("/chat/invoke", '{"input": {"messages": [{"type": "human", "content": "notice \\ud800 period"}]}}'),
    ],
)
def test_half_characters_are_replaced(server: httpx.Client, path: str, body: str) -> None:
    response = server.post(path, content=body, headers=JSON)

    assert response.status_code == 200, response.text
    assert '"code":"internal_error"' not in response.text


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/search", {"query": "x" * 8_001}, 422),
        ("/search", {"query": "notice", "filter": {f"field {n}": n for n in range(21)}}, 422),
        ("/search", {"query": "notice", "filter": {"a\u0000b": 1}}, 422),
        ("/search", {"query": "notice", "document_ids": []}, 422),
        ("/ask", {"question": "notice", "document_ids": []}, 422),
        ("/ask", {"question": "sum up", "agent": "summarize", "collection": "nowhere"}, 404),
        ("/ask", {"question": "sum up", "agent": "summarize", "document_ids": ["nothing"]}, 404),
    ],
)
def test_what_cannot_be_meant_is_refused(
    server: httpx.Client, path: str, body: dict[str, Any], status: int
) -> None:
    assert server.post(path, json=body).status_code == status


@pytest.mark.parametrize(
    "path", ["/ask", "/index", "/agent/invoke", "/agent/batch", "/agent/stream", "/chat/invoke"]
)
def test_a_nesting_bomb_is_refused(server: httpx.Client, path: str) -> None:
    response = server.post(path, content="[" * 200_000, headers=JSON)

    assert (response.status_code, response.json()["code"]) == (422, "invalid_request")
    assert response.headers["content-type"] == "application/problem+json"


def test_a_summary_stays_within_its_collection(fresh_server: httpx.Client) -> None:
    body = {"documents": [{"text": "North opens at nine.", "name": "north.txt"}], "collection": "north"}
    north = fresh_server.post("/index", json=body).json()["documents"][0]["document_id"]
    fresh_server.post("/index", json={"documents": [{"text": "South opens at ten.", "name": "south.txt"}]})

    asked = {"question": "sum up", "agent": "summarize", "document_ids": [north]}
    assert fresh_server.post("/ask", json=asked).json()["code"] == "unknown_document"
    assert fresh_server.post("/ask", json=asked | {"collection": "north"}).status_code == 200


def test_nothing_of_an_index_request_is_stored_when_an_item_is_bad(fresh_server: httpx.Client) -> None:
    content = '{"documents": [{"text": "Good."}, {"text": "Bad.", "metadata": {"x": 1e999}}]}'
    response = fresh_server.post("/index", content=content, headers=JSON)

    assert response.status_code == 422
    assert fresh_server.get("/stats").json()["documents"] == 0


def test_documents_deleted_while_they_are_indexed_are_said_to_be_cancelled(
    fresh_server: httpx.Client,
) -> None:
    long_text = "".join(
        f"Clause {n} of the long contract says something else again.\n\n" for n in range(4_000)
    )
    files = {"files": ("long.txt", long_text.encode())}
    with ThreadPoolExecutor() as pool:
        upload = pool.submit(fresh_server.post, "/upload?wait=true", files=files)
        while not fresh_server.get("/jobs").json()["jobs"][:1]:
            time.sleep(0.01)
        while not fresh_server.get("/jobs").json()["jobs"][0]["documents"]:
            time.sleep(0.01)
        fresh_server.post("/clear", json={"confirm": True})
        documents = upload.result().json()["documents"]

    assert documents[0]["status"] == "cancelled"
    assert fresh_server.get("/documents").json()["documents"] == []


NAMES = [
    *(
        "../../etc/passwd",
        "..\\..\\windows\\win.ini",
        "/abs/olute.txt",
        "CON.txt",
        "a\u0000b.txt",
        "x" * 400 + ".txt",
    ),
    *("  spaces  .txt", "новый документ.txt", "file.txt.exe", "résumé\u0301.txt", ".hidden", "", ".", ".."),
    *(
        "a/b/c.txt",
        "👍.txt",
        "quote\"'.txt",
        "new\nline.txt",
        "%2e%2e%2fescape.txt",
        "page.txt.html",
        "noextension",
    ),
    *(
        "semi;colon|pipe&.txt",
        "{{7*7}}.txt",
        "\u202etxt.exe",
        "<img src=x>.md",
        "a.txt/",
        "con.csv",
        "\ud83d.txt",
    ),
]


def send_under(server: httpx.Client, name: str, data: bytes) -> httpx.Response:
    """A body of our own: the client would refuse or repair some of these names."""
    shown = name.encode("utf-8", errors="surrogatepass")
    quoted = shown.replace(b'"', b"%22").replace(b"\r", b"%0D").replace(b"\n", b"%0A")
    head = b'--edge\r\ncontent-disposition: form-data; name="files"; filename="' + quoted + b'"\r\n\r\n'
    body = head + data + b"\r\n--edge--\r\n"
    headers = {"content-type": "multipart/form-data; boundary=edge"}
    return server.post("/upload?wait=true", content=body, headers=headers)


def test_a_hostile_file_name_is_shown_harmlessly_or_refused(fresh_server: httpx.Client) -> None:
    for number, name in enumerate(NAMES):
        response = send_under(fresh_server, name, f"Text number {number}.".encode())
        assert response.status_code in (200, 202, 400, 422), (name, response.text)
        if response.status_code >= 400:
            assert response.json()["code"], name
            continue
        (document,) = response.json()["documents"]
        shown = document["name"]
        assert shown.isprintable(), name
        assert 0 < len(shown) <= 255
        assert not {"/", "\\", "\u202e"} & set(shown)
        assert document["status"] == "indexed" or document["error"]["code"] == "unsupported_format", name
    assert fresh_server.get("/health").status_code == 200


def test_the_hostile_names_of_the_evaluation_data_too(fresh_server: httpx.Client, evaldata: Path) -> None:
    names = json.loads((evaldata / "txt_torture" / "filenames.json").read_text())
    for number, name in enumerate(names):
        response = send_under(fresh_server, name, f"Text number {number}.".encode())
        assert response.status_code in (200, 202, 400, 422), (name, response.text)
    assert fresh_server.get("/health").status_code == 200


def test_what_was_interrupted_is_finished_by_the_next_process(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        store.begin_document(b"words", name="x.txt", collection="default", media_type="text/plain")
    with running(settings) as server:
        for _ in range(200):
            (document,) = server.get("/documents").json()["documents"]
            if document["status"] == "indexed":
                break
            time.sleep(0.05)

    assert (document["status"], document["error"]) == ("indexed", None)


@pytest.mark.sqlite
async def test_conversations_that_cannot_be_opened_stop_the_start(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    settings.data_dir.mkdir(parents=True)
    (settings.data_dir / "threads.db").write_bytes(b"not a database" * 100)

    with pytest.raises(ConfigurationError, match="remember conversations"):
        async with open_services(settings):
            pass


@pytest.mark.sqlite
def test_a_database_that_goes_bad_is_unavailable_and_health_tells(tmp_path: Path) -> None:
    settings = make_settings(tmp_path)
    text = "A clause. " * 500_000  # more than SQLite keeps in memory
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        store.require_embedding_model(settings.effective_embedding_model)
        info = store.begin_document(b"x", name="x.txt", collection="default", media_type="text/plain")
        store.commit_document(
            info.document_id,
            text=text,
            chunks=[NewChunk("A clause.", None, 0, 9)],
            vectors=np.eye(1, 384, dtype=np.float32),
            embedding_model=settings.effective_embedding_model,
        )
    with running(settings) as server:
        path = f"/documents/{info.document_id}/text"
        before = server.get("/health").status_code, server.get(path).text == text
        database = settings.data_dir / "llmops.db"
        database.write_bytes(b"\xff" * database.stat().st_size)
        response = server.get(path)
        time.sleep(1.1)  # for so long an answer may be told again
        health = server.get("/health")

    assert before == (200, True)
    assert (response.status_code, response.json()["code"]) == (503, "storage_unavailable")
    assert health.status_code == 503
    assert health.json()["checks"]["threads"] == "ok"
