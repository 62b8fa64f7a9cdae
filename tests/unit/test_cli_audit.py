"""Commands that change something add a line to the audit log, and those that fail or only look add none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.unit.conftest import Llmops


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "logs"


def records(folder: Path) -> list[dict[str, Any]]:
    file = folder / "audit.jsonl"
    return [json.loads(line) for line in file.read_text().splitlines()] if file.exists() else []


def noted(folder: Path) -> list[tuple[str, str, str | None]]:
    return [(record["action"], record["subject_kind"], record["subject_id"]) for record in records(folder)]


def test_what_happens_to_documents_and_conversations_is_noted(
    llmops: Llmops, handbook: Path, folder: Path
) -> None:
    (document,) = llmops("index", str(handbook), "--json").json["documents"]
    document_id = document["document_id"]
    llmops("ask", "How long is the notice period?", "--thread", "t1", "--agent", "qa")
    llmops("reindex", document_id)
    llmops("threads", "rename", "t1", "Secret title")
    llmops("threads", "delete", "t1")
    llmops("delete", document_id)
    assert llmops("clear", "--yes").code == 0
    assert noted(folder) == [
        ("index", "collection", "default"),
        ("reindex", "document", document_id),
        ("rename", "thread", "t1"),
        ("delete", "thread", "t1"),
        ("delete", "document", document_id),
        ("clear", "collection", None),
    ]
    assert records(folder)[0]["document_ids"] == [document_id]
    assert {(record["actor"], record["request_id"]) for record in records(folder)} == {("command", "-")}
    assert all(record["identity"].startswith("user ") for record in records(folder))
    assert "Secret" not in (folder / "audit.jsonl").read_text()
    assert "handbook" not in (folder / "audit.jsonl").read_text()


def test_what_happens_to_keys_tenants_and_the_whole_is_noted(
    llmops: Llmops, folder: Path, tmp_path: Path
) -> None:
    created = llmops("keys", "create", "--name", "Secret name", "--tenant", "blue", "--json").json
    llmops("keys", "revoke", created["key_id"])
    llmops("tenants", "erase", "blue", "--yes")
    llmops("backup", str(tmp_path / "all.zip"))
    assert llmops("restore", str(tmp_path / "all.zip"), "--force").code == 0
    assert noted(folder) == [
        ("create", "key", created["key_id"]),
        ("revoke", "key", created["key_id"]),
        ("erase", "tenant", "blue"),
        ("restore", "knowledge_base", None),
    ]
    assert [record.get("of") for record in records(folder)[:2]] == ["blue", "blue"]
    assert created["key"] not in (folder / "audit.jsonl").read_text()


def test_what_fails_or_only_looks_is_not_noted(llmops: Llmops, folder: Path) -> None:
    assert llmops("delete", "none").code == 1
    assert llmops("keys", "revoke", "none").code == 1
    assert llmops("clear").code == 1
    assert llmops("documents").code == 0
    assert noted(folder) == []


def test_a_change_counts_although_it_cannot_be_noted(llmops: Llmops, folder: Path) -> None:
    folder.write_text("no folder")
    cleared = llmops("clear", "--yes", "--json")
    assert cleared.json == {"deleted_documents": 0}
    assert cleared.code == 0
    assert "audit log" in cleared.err
