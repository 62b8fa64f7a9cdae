"""Commands on a knowledge base and conversations that lie in PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.postgres import empty_database
from tests.unit.conftest import Llmops

pytestmark = pytest.mark.postgres

QUESTIONS = ("How long is the notice period?", "How many days of paid holiday are there?")


def everything(llmops: Llmops) -> dict[str, Any]:
    """What there is and what is answered, without what differs from run to run."""
    answers = [llmops("ask", question, "--agent", "qa", "--json").json for question in QUESTIONS]
    threads = llmops("threads", "list", "--json").json
    return {
        "documents": llmops("documents", "--json").json,
        "found": llmops("search", "notice period", "--json").json,
        "answers": [(answer["answer"], answer["citations"]) for answer in answers],
        "threads": [info for info in threads["threads"] if info["thread_id"] == "t1"],
        "said": llmops("threads", "export", "t1", "--json").json,
    }


def test_a_backup_goes_from_sqlite_to_postgresql_and_back(
    llmops: Llmops, handbook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llmops("index", str(handbook))
    llmops("ask", QUESTIONS[0], "--thread", "t1", "--agent", "qa")
    before = everything(llmops)
    assert "six weeks" in before["answers"][0][0]
    assert llmops("backup", str(tmp_path / "file.tar")).code == 0

    monkeypatch.setenv("LLMOPS_DATABASE_URL", empty_database(f"backup_{tmp_path.name}"))
    monkeypatch.setenv("LLMOPS_DATA_DIR", str(tmp_path / "on_server"))
    restored = llmops("restore", str(tmp_path / "file.tar"), "--json")
    assert restored.code == 0, restored.err
    assert not list((tmp_path / "on_server").glob("*.db*"))
    assert everything(llmops) == before
    follow_up = llmops("ask", "And during probation?", "--thread", "t1", "--agent", "qa", "--json").json
    assert "two weeks" in follow_up["answer"]
    after = everything(llmops)
    written = llmops("backup", str(tmp_path / "server.tar"), "--json").json["manifest"]
    assert (written["documents"], written["originals"]) == (1, 1)
    assert written["threads"] == len(llmops("threads", "list", "--json").json["threads"])
    again = llmops("restore", str(tmp_path / "server.tar"), "--force")
    assert (again.code, "not empty" in again.err) == (1, True)

    monkeypatch.delenv("LLMOPS_DATABASE_URL")
    monkeypatch.setenv("LLMOPS_DATA_DIR", str(tmp_path / "file_again"))
    assert llmops("restore", str(tmp_path / "server.tar")).code == 0
    assert everything(llmops) == after
    assert len(after["said"]["turns"]) == 2


def test_deletion_is_verified_in_conversations_of_the_server(
    llmops: Llmops, handbook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_DATABASE_URL", empty_database(f"proof_{tmp_path.name}"))
    (document,) = llmops("index", str(handbook), "--json").json["documents"]
    llmops("ask", QUESTIONS[0], "--thread", "t1", "--agent", "qa")
    llmops("delete", document["document_id"])
    proof = llmops("verify-deletion", document["document_id"], "--purge", "--json")
    assert (proof.code, proof.json["forgotten"]) == (0, True)
    (said,) = (finding for finding in proof.json["findings"] if finding["place"] == "conversations")
    assert (said["state"], said["detail"]) == ("kept", "1 cite it: t1")
