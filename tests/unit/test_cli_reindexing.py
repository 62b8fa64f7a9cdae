"""`llmops reindex ID…`, here and on a running server."""

from __future__ import annotations

from pathlib import Path

from tests.live import spawned
from tests.unit.conftest import HANDBOOK, Llmops


def test_documents_are_read_again(llmops: Llmops, handbook: Path, tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text('{"a": ')
    llmops("index", str(handbook), str(tmp_path / "broken.json"))
    listed = {info["name"]: info for info in llmops("documents", "--json").json["documents"]}
    document_id = listed["handbook.md"]["document_id"]
    again = llmops("reindex", document_id)
    assert (again.code, again.out) == (0, f"indexed  handbook.md: 1 chunk, {document_id}\n")
    assert llmops("reindex", document_id, "--json").json == {"documents": [listed["handbook.md"]]}
    assert llmops("search", "notice period", "--json").json["results"]

    both = llmops("reindex", document_id, listed["broken.json"]["document_id"])
    assert both.code == 1
    assert both.out.startswith("indexed  handbook.md: ")
    assert "failed   broken.json: " in both.out
    assert both.err == "error: 1 of 2 documents could not be read again\n"
    refused = llmops("reindex", document_id, "nobody")
    assert (refused.code, refused.err) == (1, "error: There is no document 'nobody'\n")


def test_what_cannot_be_read_again_stays_and_is_told(llmops: Llmops, handbook: Path, tmp_path: Path) -> None:
    indexed = llmops("index", str(handbook), "--json").json["documents"][0]
    (file,) = (tmp_path / "data" / "originals").glob("*/*")
    file.write_bytes(b"\x00\xff\xfe\x00binary\x81\x00")
    failed = llmops("reindex", indexed["document_id"])
    assert failed.code == 1
    assert failed.out.startswith("failed   handbook.md: ")
    assert failed.out.endswith("(unknown_encoding); what was read before still counts\n")
    assert llmops("search", "notice period", "--json").json["results"]


def test_documents_of_a_running_server_are_read_again(llmops: Llmops, tmp_path: Path) -> None:
    with spawned(tmp_path / "elsewhere") as (server, _):
        there = ("--server", str(server.base_url).rstrip("/"))
        body = {"documents": [{"name": "handbook.md", "text": HANDBOOK}]}
        document_id = server.post("/index", json=body).json()["documents"][0]["document_id"]
        assert llmops("reindex", document_id, *there).out.startswith("indexed  handbook.md: ")
        refused = llmops("reindex", "no such id", *there)
        assert (refused.code, refused.err) == (1, "error: There is no document 'no such id'\n")
        whole = llmops("reindex", *there)
        assert whole.code == 1
        assert "needs IDs of documents" in whole.err
