"""Commands on a running server, what they say as JSON when they fail, and what a shell completes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from app import __version__
from app.knowledge.store import open_store
from tests.broken_http import answering, reply
from tests.live import make_settings, running, spawned
from tests.unit.conftest import HANDBOOK, Llmops

NOBODY = ("--server", "http://127.0.0.1:9")


def test_commands_work_on_a_running_server(llmops: Llmops, tmp_path: Path) -> None:
    with spawned(tmp_path / "elsewhere") as (server, _):
        there = ("--server", str(server.base_url).rstrip("/"))
        texts = [{"name": f"{number}.md", "text": f"{HANDBOOK}{number}"} for number in range(103)]
        server.post("/index", json={"documents": texts}).raise_for_status()
        assert "six weeks" in llmops("ask", "How long is the notice period?", *there).out
        assert llmops("search", "notice period", "-k", "2", "--json", *there).json["results"]
        listed = llmops("documents", "--json", *there).json["documents"]
        assert len(listed) == 103
        assert llmops("delete", listed[0]["document_id"], *there).code == 0
        assert llmops("stats", "--json", *there).json["documents"] == 102
        refused = llmops("delete", "no such id", *there)
        assert (refused.code, refused.err) == (1, "error: There is no document 'no such id'\n")
        assert llmops("documents", "--json").json["documents"] == []  # those of this machine
        stranger = llmops("search", "x", "--server", f"{there[1]}/docs")
        assert stranger.code == 1
        assert stranger.err.count("\n") == 1


def test_a_server_that_wants_a_key_gets_that_of_the_environment(
    llmops: Llmops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = make_settings(tmp_path / "elsewhere", api_keys_required=True)
    with open_store(settings.effective_database_url, settings.data_dir) as store:
        key = store.keys().create(name="me", tenant="default", scopes=["read"]).key
    with running(settings) as server:
        there = ("--server", str(server.base_url).rstrip("/"))
        refused = llmops("documents", *there)
        assert refused.code == 1
        assert refused.err.endswith("commands take theirs from LLMOPS_API_KEY or LLMOPS_API_KEY_FILE\n")
        monkeypatch.setenv("LLMOPS_API_KEY", key)
        assert llmops("documents", *there).code == 0


def test_documents_go_to_a_running_server_and_its_doctor_is_asked(llmops: Llmops, tmp_path: Path) -> None:
    for name, text in (("handbook.md", HANDBOOK), ("empty.txt", "")):
        (tmp_path / name).write_text(text)
    with spawned(tmp_path / "elsewhere") as (server, _):
        there = ("--server", str(server.base_url).rstrip("/"))
        healthy = llmops("doctor", "--json", *there)
        findings = {finding["check"]: finding for finding in healthy.json["findings"]}
        assert healthy.code == 0
        assert findings["api"]["detail"] == f"version {__version__}"
        assert {finding["state"] for finding in findings.values()} == {"ok"}
        assert {"store", "threads", "mode", "chat model", "embedding model", "documents"} <= findings.keys()

        indexed = llmops("index", str(tmp_path / "handbook.md"), "--collection", "manuals", *there)
        assert indexed.out.startswith("indexed  handbook.md: ")
        broken = llmops("index", str(tmp_path / "empty.txt"), "--json", *there)
        assert broken.code == 1
        assert broken.json["documents"][0]["error"]["code"] == "empty_document"
        assert "1 failed" in llmops("doctor", *there).out
        assert llmops("clear", *there).code == 1
        assert llmops("clear", "--yes", "--collection", "manuals", "--json", *there).json == {
            "deleted_documents": 1
        }
    gone = llmops("doctor", *there)
    assert gone.code == 1
    assert gone.out.startswith("failed  api  No server answers at ")


@pytest.mark.parametrize(
    "arguments",
    [
        ("index", "no-such-file.pdf"),
        ("ask", " "),
        ("ask", "Why?", *NOBODY),
        ("batch", "no-such-file.csv"),
        ("search", ""),
        ("documents", *NOBODY),
        ("delete", "nothing"),
        ("verify-deletion", "nothing", "--text", "no-such-file.txt"),
        ("stats", *NOBODY),
        ("clear",),
        ("clear", "--yes", *NOBODY),
        ("restore", "no-such-file.backup"),
        ("threads", "export", "nothing"),
        ("threads", "rename", "nothing", "A title"),
        ("threads", "delete", "nothing"),
    ],
    ids=" ".join,
)
def test_a_failure_is_one_line_for_people_and_json_for_programs(
    llmops: Llmops, arguments: tuple[str, ...]
) -> None:
    outcome = llmops(*arguments, "--json")

    assert outcome.code == 1
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert outcome.json["error"]["code"]


@pytest.mark.parametrize(
    ("words", "completed"),
    [
        (("do",), {"documents", "doctor"}),
        (("threads", ""), {"list", "export", "rename", "delete"}),
        (("ask", "Why?", "--se"), {"--server"}),
        (("ask", "Why?", "--agent", ""), {"auto", "qa", "research", "summarize"}),
    ],
)
def test_a_shell_completes_commands_options_and_agents(words: tuple[str, ...], completed: set[str]) -> None:
    asked = {
        "_LLMOPS_COMPLETE": "complete_bash",
        "COMP_WORDS": " ".join(("llmops", *words)),
        "COMP_CWORD": str(len(words)),
    }
    command = [Path(sys.executable).with_name("llmops")]
    finished = subprocess.run(
        command, env=os.environ | asked, capture_output=True, text=True, timeout=20, check=False
    )
    assert set(finished.stdout.split()) == completed


def test_a_server_that_tells_of_no_document_is_none_of_ours(llmops: Llmops, tmp_path: Path) -> None:
    file = tmp_path / "a.md"
    file.write_text("The rent is 900 euros.", encoding="utf-8")
    with answering(reply('{"job_id": "1", "documents": []}')) as (url, _):
        refused = llmops("index", str(file), "--server", url)
    assert refused.code == 1
    assert f"{url} does not answer as this service does" in refused.out + refused.err
