"""Documents over HTTP: what is acknowledged can be found, what is deleted is gone, what is broken is named."""

from __future__ import annotations

import signal
from pathlib import Path

import httpx
import pytest

from tests.live import make_settings, running, spawned

JPEG = bytes.fromhex("ffd8ffe000104a46494600010100000100010000ffdb004300") + bytes(200) + b"\xff\xd9"


def upload(server: httpx.Client, name: str, data: bytes) -> dict[str, object]:
    response = server.post("/upload?wait=true", files=[("files", (name, data))])
    assert response.status_code == 200, response.text
    document: dict[str, object] = response.json()["documents"][0]
    return document


def test_an_uploaded_text_can_be_found_and_deleted(fresh_server: httpx.Client) -> None:
    document = upload(fresh_server, "note.txt", b"The zanzibar protocol expires in May.")
    assert document["status"] == "indexed"

    found = fresh_server.post("/search", json={"query": "When does the zanzibar protocol expire?"}).json()[
        "results"
    ]
    assert found[0]["document_id"] == document["document_id"]
    assert 0 <= found[0]["score"] <= 1

    assert fresh_server.delete(f"/documents/{document['document_id']}").status_code == 204
    assert fresh_server.post("/search", json={"query": "zanzibar protocol"}).json()["results"] == []
    assert fresh_server.get(f"/documents/{document['document_id']}").json()["code"] == "unknown_document"


def test_the_same_bytes_are_one_document(fresh_server: httpx.Client) -> None:
    first = upload(fresh_server, "a.txt", b"Only once.")
    second = upload(fresh_server, "b.txt", b"Only once.")

    assert second["document_id"] == first["document_id"]
    assert (first["duplicate"], second["duplicate"]) == (False, True)
    assert fresh_server.get("/stats").json()["documents"] == 1


def test_a_broken_file_does_not_keep_the_others_out(fresh_server: httpx.Client) -> None:
    sent = [("good.txt", b"Readable."), ("empty.txt", b""), ("x.pdf", JPEG), ("broken.json", b'{"a": ')]
    files = [("files", file) for file in sent]
    documents = fresh_server.post("/upload?wait=true", files=files).json()["documents"]

    assert [document["status"] for document in documents] == ["indexed", "failed", "failed", "failed"]
    codes = [document["error"]["code"] for document in documents[1:]]
    assert codes == ["empty_document", "unsupported_format", "corrupt_document"]


@pytest.mark.parametrize(
    ("name", "data", "status", "code"),
    [
        ("empty.pdf", b"", 422, "empty_document"),
        ("photo.pdf", JPEG, 415, "unsupported_format"),
        ("broken.pdf", b"%PDF-1.7\nnothing that follows\n%%EOF", 422, "corrupt_document"),
        ("notes.txt", b"Plain text is not a PDF.", 415, "unsupported_format"),
    ],
)
def test_one_bad_file_is_an_error_with_its_code(
    server: httpx.Client, name: str, data: bytes, status: int, code: str
) -> None:
    response = server.post("/upload_pdf", files={"file": (name, data)})

    assert (response.status_code, response.json()["code"]) == (status, code)
    assert response.headers["content-type"] == "application/problem+json"


def test_a_body_over_the_limit_is_refused(tmp_path: Path) -> None:
    with running(make_settings(tmp_path, max_upload_mb=1)) as server:
        announced = server.post("/upload", files={"files": ("big.txt", b"x" * 2_000_000)})
        chunked = server.post("/index", content=(b" " * 100_000 for _ in range(20)))
        for response in (announced, chunked):
            assert (response.status_code, response.json()["code"]) == (413, "body_too_large")
        assert server.get("/health").status_code == 200


def test_clear_wants_to_be_confirmed(fresh_server: httpx.Client) -> None:
    upload(fresh_server, "note.txt", b"Something to lose.")

    assert fresh_server.post("/clear", json={}).status_code == 422
    assert fresh_server.post("/clear", json={"confirm": True}).json() == {"deleted_documents": 1}
    assert fresh_server.get("/stats").json()["chunks"] == 0


def test_an_original_is_handed_out_as_a_download(fresh_server: httpx.Client) -> None:
    document = upload(fresh_server, "page.txt", b"<script>alert(1)</script> is only text here.")
    response = fresh_server.get(f"/documents/{document['document_id']}/file")

    assert response.content == b"<script>alert(1)</script> is only text here."
    assert response.headers["content-disposition"].startswith("attachment")


def test_collections_are_searched_apart(fresh_server: httpx.Client) -> None:
    for collection in ("north", "south"):
        body = {"documents": [{"text": f"The {collection} depot opens at nine."}], "collection": collection}
        assert fresh_server.post("/index", json=body).status_code == 200

    found = fresh_server.post("/search", json={"query": "depot", "collection": "south"}).json()["results"]
    assert [result["text"] for result in found] == ["The south depot opens at nine."]


def test_a_kill_right_after_the_acknowledgement_loses_nothing(tmp_path: Path) -> None:
    with spawned(tmp_path) as (server, process):
        body = {"documents": [{"text": "The override code of the sluice is 4711.", "name": "sluice"}]}
        acknowledged = server.post("/index", json=body)
        process.send_signal(signal.SIGKILL)

    assert acknowledged.status_code == 200
    with running(make_settings(tmp_path)) as client:
        answer = client.post("/ask", json={"question": "What is the override code of the sluice?"}).json()
        assert "4711" in answer["answer"]
        assert client.get("/stats").json()["documents"] == 1
