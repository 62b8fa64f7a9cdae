"""The `llmops` command: what it prints, what it returns, and that a failure is one line."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest

from tests.unit.conftest import HANDBOOK, Llmops


def test_a_document_is_indexed_found_asked_about_and_forgotten(llmops: Llmops, handbook: Path) -> None:
    indexed = llmops("index", str(handbook), "--json")
    assert indexed.code == 0
    (document,) = indexed.json["documents"]
    assert (document["status"], document["name"]) == ("indexed", "handbook.md")

    found = llmops("search", "notice period", "-k", "1", "--json")
    assert "six weeks" in found.json["results"][0]["text"]

    answer = llmops("ask", "How long is the notice period?", "--agent", "qa", "--json").json
    assert "six weeks" in answer["answer"]
    assert answer["mode"] == "demo"
    assert answer["citations"]
    assert all(citation["verified"] for citation in answer["citations"])

    assert llmops("stats", "--json").json["documents"] == 1
    assert llmops("delete", document["document_id"], "--json").json == {"deleted": document["document_id"]}
    assert llmops("documents", "--json").json == {"documents": []}


def test_people_get_text_with_sources(llmops: Llmops, handbook: Path) -> None:
    assert "handbook.md" in llmops("index", str(handbook)).out
    answer = llmops("ask", "How many days of paid holiday are there?", "--agent", "qa").out
    assert "28 days" in answer.split("\n\n")[0]
    assert "[1] handbook.md" in answer
    assert "handbook.md" in llmops("search", "holiday").out
    listed = llmops("documents").out.splitlines()
    assert listed[0].split() == ["ID", "STATUS", "PAGES", "CHUNKS", "COLLECTION", "NAME"]
    assert listed[1].endswith("default     handbook.md")


def test_a_thread_is_continued(llmops: Llmops, handbook: Path) -> None:
    llmops("index", str(handbook))
    llmops("ask", "How long is the notice period?", "--thread", "t1", "--agent", "qa")
    answer = llmops("ask", "And during probation?", "--thread", "t1", "--agent", "qa", "--json").json
    assert answer["thread_id"] == "t1"
    assert "two weeks" in answer["answer"]


def test_a_file_of_questions_becomes_a_file_of_answers(
    llmops: Llmops, handbook: Path, tmp_path: Path
) -> None:
    llmops("index", str(handbook))
    questions = tmp_path / "questions.csv"
    questions.write_text("question,agent\nHow long is the notice period?,qa\n")
    answers = tmp_path / "answers.csv"
    assert llmops("batch", str(questions), "--out", str(answers), "--json").json["state"] == "done"
    assert "six weeks" in answers.read_text("utf-8-sig")
    printed = llmops("batch", str(questions)).out
    assert "six weeks" in json.loads(printed)["answer"]["answer"]

    questions.write_text("question,agent\nHow long is the notice period?,butler\n")
    assert llmops("batch", str(questions)).code == 1
    assert llmops("batch", str(tmp_path / "none.csv"), "--json").json["error"]["code"] == "invalid_request"
    assert llmops("batch", str(handbook), "--json").json["error"]["code"] == "invalid_request"


def test_conversations_are_listed_renamed_exported_and_deleted(llmops: Llmops, handbook: Path) -> None:
    llmops("index", str(handbook))
    llmops("ask", "How long is the notice period?", "--thread", "t1", "--agent", "qa")
    assert llmops("threads", "rename", "t1", "Leaving\x1b[31m").code == 0
    heading, row = llmops("threads", "list").out.splitlines()
    assert heading.split() == ["ID", "LAST", "USED", "(UTC)", "TURNS", "TITLE"]
    assert row.split()[0] == "t1"
    assert row.endswith("1      Leaving [31m")
    assert llmops("threads", "list", "--query", "rent", "--json").json["threads"] == []
    assert "six weeks" in llmops("threads", "export", "t1").out
    assert len(llmops("threads", "export", "t1", "--json").json["turns"]) == 1
    assert llmops("threads", "delete", "t1", "--json").json == {"deleted": "t1"}
    assert llmops("threads", "delete", "t1", "--json").json["error"]["code"] == "unknown_thread"
    assert llmops("threads", "rename", "t1", " ", "--json").json["error"]["code"] == "invalid_request"


def test_a_dash_reads_the_question_from_standard_input(llmops: Llmops, handbook: Path) -> None:
    llmops("index", str(handbook))
    found = llmops("search", "-", "--json", stdin=b"paid holiday\n")
    assert "28 days" in found.json["results"][0]["text"]
    refused = llmops("ask", "-", stdin=b"\xff\xfe")
    assert refused.code == 1
    assert refused.err.startswith("error: standard input is not UTF-8")


def test_a_folder_is_indexed_with_everything_readable_in_it(llmops: Llmops, tmp_path: Path) -> None:
    folder = tmp_path / "contracts"
    (folder / "old").mkdir(parents=True)
    (folder / ".hidden").mkdir()
    (folder / "lease.txt").write_text("The monthly rent is 14,200 euros.")
    (folder / "old" / "lease.txt").write_text("The monthly rent was 12,000 euros.")
    (folder / "logo.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (folder / ".hidden" / "secret.txt").write_text("Nobody asked for this.")
    llmops("index", str(folder))
    found = llmops("search", "monthly rent", "--json").json["results"]
    assert {result["text"] for result in found} == {
        "The monthly rent is 14,200 euros.",
        "The monthly rent was 12,000 euros.",
    }


def test_a_file_that_fails_keeps_no_other_out_but_fails_the_command(
    llmops: Llmops, handbook: Path, tmp_path: Path
) -> None:
    empty = tmp_path / "empty.txt"
    empty.touch()
    outcome = llmops("index", str(empty), str(handbook))
    assert outcome.code == 1
    assert "empty_document" in outcome.out
    assert outcome.err == "error: 1 of 2 files could not be indexed\n"
    assert llmops("stats", "--json").json["collections"] == {"default": 1}
    assert "six weeks" in llmops("search", "notice period").out


def test_a_file_over_the_limit_is_refused(
    llmops: Llmops, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_MAX_UPLOAD_MB", "1")
    large = tmp_path / "large.txt"
    large.write_text("word " * 300_000)
    outcome = llmops("index", str(large))
    assert outcome.code == 1
    assert "LLMOPS_MAX_UPLOAD_MB=1" in outcome.err


def test_collections_are_kept_apart(llmops: Llmops, handbook: Path) -> None:
    llmops("index", str(handbook), "--collection", "people")
    assert llmops("search", "notice period", "--collection", "people", "--json").json["results"]
    assert llmops("search", "notice period", "--json").json["results"] == []
    assert llmops("clear", "--yes", "--collection", "people", "--json").json == {"deleted_documents": 1}


def test_clear_asks_for_confirmation(llmops: Llmops, handbook: Path) -> None:
    llmops("index", str(handbook))
    refused = llmops("clear")
    assert (refused.code, "--yes" in refused.err) == (1, True)
    assert llmops("stats", "--json").json["documents"] == 1
    assert llmops("clear", "--yes").out == "deleted 1 documents\n"


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("delete", "d0"), "unknown_document"),
        (("documents", "--collection", "nowhere"), "unknown_collection"),
        (("search", "  "), "invalid_request"),
        (("ask", "Which?", "--agent", "oracle"), "unknown_agent"),
        (("ask", " "), "invalid_request"),
    ],
)
def test_an_error_is_one_line_an_exit_code_and_json_for_programs(
    llmops: Llmops, arguments: tuple[str, ...], code: str
) -> None:
    outcome = llmops(*arguments, "--json")
    assert outcome.code == 1
    assert outcome.err.startswith("error: ")
    assert outcome.err.count("\n") == 1
    assert outcome.json["error"]["code"] == code


def test_a_wrong_setting_stops_every_command_with_one_line(
    llmops: Llmops, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LLMOPS_TOP_K", "many")
    for arguments in (["stats"], ["serve"], ["ask", "Which?"], ["doctor"]):
        outcome = llmops(*arguments)
        assert outcome.code == 1
        assert outcome.err.startswith("error: LLMOPS_TOP_K='many' is not accepted")
        assert outcome.err.count("\n") == 1


def test_a_wrong_call_is_told_from_a_failure(llmops: Llmops) -> None:
    assert llmops("index", "no-such-file.txt").code == 1
    assert llmops("index").code == 2
    assert llmops("fly").code == 2


def test_names_cannot_move_the_terminals_cursor(llmops: Llmops, tmp_path: Path) -> None:
    hostile = tmp_path / "a\x1b]0;pwned\x07b.txt"
    hostile.write_text("The monthly rent is 14,200 euros.")
    printed = [
        llmops("index", str(hostile)),
        llmops("documents"),
        llmops("search", "rent"),
        llmops("ask", "rent?"),
    ]
    assert all("\x1b" not in outcome.out + outcome.err for outcome in printed)


def test_the_doctor_finds_nothing_wrong_with_a_new_installation(llmops: Llmops) -> None:
    outcome = llmops("doctor", "--json")
    states = {finding["check"]: finding["state"] for finding in outcome.json["findings"]}
    assert outcome.code == 0
    models = {"embedding model", "chat model"}
    seen = {"keys", "logs", "metrics", "traces"}
    assert {"python", "mode", "disk", "knowledge base", "vector store", "api"} | models | seen == set(states)
    assert states["embedding model"] == "ok"
    assert {states[check] for check in seen} == {"ok"}


def test_the_doctor_names_what_is_wrong(
    llmops: Llmops, handbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llmops("index", str(handbook))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://127.0.0.1:9/v1")
    monkeypatch.setenv("LLMOPS_MODEL_MAX_RETRIES", "0")
    outcome = llmops("doctor", "--json")
    assert outcome.code == 1
    findings = {finding["check"]: finding for finding in outcome.json["findings"]}
    assert findings["knowledge base"]["state"] == "failed"
    assert "all-MiniLM-L6-v2" in findings["knowledge base"]["detail"]
    assert findings["chat model"]["state"] == "failed"
    assert findings["disk"]["state"] == "ok"
    assert "sk-test" not in outcome.out + outcome.err


def test_serve_says_in_one_line_that_its_port_is_taken(llmops: Llmops) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        outcome = llmops("serve", "--port", str(port))
    assert outcome.code == 1
    assert f"cannot listen on 127.0.0.1:{port}" in outcome.err
    assert outcome.err.count("\n") == 1


def test_serve_refuses_a_knowledge_base_of_another_embedding_model(
    llmops: Llmops, handbook: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llmops("index", str(handbook))
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    outcome = llmops("serve", "--port", "0")
    assert outcome.code == 1
    assert "built with the embedding model 'embedded:all-MiniLM-L6-v2'" in outcome.err
    assert outcome.err.count("\n") == 1


def test_deletion_is_verified(llmops: Llmops, handbook: Path, tmp_path: Path) -> None:
    (document,) = llmops("index", str(handbook), "--json").json["documents"]
    copy = tmp_path / "copy.txt"
    copy.write_text(HANDBOOK)
    arguments = ("verify-deletion", document["document_id"], "--text", str(copy))
    there = llmops(*arguments, "--json")
    assert (there.code, there.json["forgotten"]) == (1, False)
    assert "is left: table documents, " in there.err

    llmops("delete", document["document_id"])

    gone = llmops(*arguments, "--json")
    assert (gone.code, gone.json["forgotten"]) == (0, True)
    assert {finding["state"] for finding in gone.json["findings"]} == {"clean"}
    shown = llmops(*arguments)
    assert shown.out.splitlines()[0].split() == ["STATE", "PLACE", "DETAIL"]
    assert llmops("verify-deletion", "d0", "--text", str(tmp_path / "nothing.txt")).code == 1


def test_a_backup_is_restored_into_another_installation(
    llmops: Llmops, handbook: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    llmops("index", str(handbook))
    llmops("ask", "How long is the notice period?", "--thread", "t1")
    found = llmops("search", "notice period", "--json").json
    file = tmp_path / "b.tar"
    written = llmops("backup", str(file), "--json")
    assert written.code == 0
    assert (written.json["manifest"]["documents"], written.json["manifest"]["threads"]) == (1, 1)
    assert written.json["bytes"] == file.stat().st_size
    assert llmops("backup", str(file)).code == 1
    assert llmops("restore", str(file)).code == 1

    monkeypatch.setenv("LLMOPS_DATA_DIR", str(tmp_path / "second"))
    assert llmops("restore", str(file), "--json").json["moved_aside"] is None

    assert llmops("search", "notice period", "--json").json == found
    assert (
        llmops("restore", str(file), "--force").out.splitlines()[1].startswith("what was there before is in")
    )


def test_reindex_tells_what_it_did(llmops: Llmops, handbook: Path) -> None:
    llmops("index", str(handbook))
    chunks = llmops("stats", "--json").json["chunks"]
    done = llmops("reindex", "--json").json
    assert done == {"chunks": chunks, "embedded": chunks, "embedding_model": "embedded:all-MiniLM-L6-v2"}
    assert llmops("reindex").out.startswith(f"all {chunks} chunks have vectors of embedded:all-MiniLM-L6-v2")


@pytest.mark.parametrize(
    "command",
    [("index", "x.txt"), ("ask", "q"), ("search", "q"), ("documents",), ("clear", "--yes")],
    ids=lambda command: command[0],
)
def test_a_collection_is_named_as_every_door_accepts_it(llmops: Llmops, command: tuple[str, ...]) -> None:
    outcome = llmops(*command, "--collection", "bad name/../x!", "--json")

    assert outcome.code == 1
    assert outcome.json["error"]["code"] == "invalid_request"
    assert "'bad name/../x!' is not accepted" in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "\udcff"),
        ("search", "notice", "--document", "\udcff"),
        ("delete", "\udcff"),
        ("ask", "\udcff", "--agent", "\udcff"),
        ("ask", "notice", "--thread", "\udcff"),
        ("documents", "--collection", "\udcff"),
    ],
)
def test_bytes_that_are_no_text_give_no_traceback(llmops: Llmops, arguments: tuple[str, ...]) -> None:
    outcome = llmops(*arguments)

    assert "Traceback" not in outcome.err
    assert outcome.code == 0 or outcome.err.count("\n") == 1


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("ask", "q")], ids=lambda command: command[0])
def test_what_conversations_are_kept_in_stops_the_start_with_one_line(
    llmops: Llmops, tmp_path: Path, command: tuple[str, ...]
) -> None:
    (tmp_path / "data").mkdir()
    for name, spoil in (
        ("threads.lock", Path.mkdir),
        ("threads.db", lambda path: path.write_bytes(b"?" * 4096)),
    ):
        spoil(tmp_path / "data" / name)
        outcome = llmops(*command)
        assert (outcome.code, outcome.err.count("\n")) == (1, 1)
        assert name in outcome.err


@pytest.mark.parametrize("driver", ["sqlite+aiosqlite", "sqlite+foo"])
def test_a_driver_that_does_not_fit_is_refused(
    llmops: Llmops, monkeypatch: pytest.MonkeyPatch, driver: str
) -> None:
    monkeypatch.setenv("LLMOPS_DATABASE_URL", f"{driver}:///x.db")

    outcome = llmops("stats")

    assert outcome.code == 1
    assert "is not accepted: must be sqlite:///" in outcome.err


def test_a_text_on_standard_input_is_asked_about_and_forgotten(llmops: Llmops, tmp_path: Path) -> None:
    answer = llmops("ask", "-", "How long is the notice period?", "--json", stdin=HANDBOOK.encode()).json
    assert "six weeks" in answer["answer"]
    assert answer["citations"][0]["document_name"] == "standard input.txt"
    assert llmops("documents", "--json").json["documents"] == []
    summary = llmops("ask", "-", "Summarise this", "--agent", "summarize", "--json", stdin=HANDBOOK.encode())
    assert summary.json["coverage"]["chunks_read"] == summary.json["coverage"]["chunks"] > 0
    assert llmops("threads", "list", "--json").json["threads"] == []


@pytest.mark.parametrize(
    ("arguments", "stdin", "complaint"),
    [
        (("ask", "-", "What?"), b" \n", "standard input: is empty"),
        (("ask", "What?", "Why?"), b"x", "needs - before it"),
        (("ask", "-", "What?", "--server", "http://127.0.0.1:9"), b"x", "not on a server"),
        (("stats", "--server", "http://127.0.0.1:9"), b"", "No server answers at http://127.0.0.1:9"),
        (("stats", "--server", "http://a..b"), b"", "No server answers at http://a..b"),
        (("documents", "--server", "ftp://x"), b"", "must begin with http"),
    ],
)
def test_what_cannot_be_asked_is_one_line(
    llmops: Llmops, arguments: tuple[str, ...], stdin: bytes, complaint: str
) -> None:
    outcome = llmops(*arguments, stdin=stdin)
    assert outcome.code == 1
    assert outcome.err.count("\n") == 1
    assert complaint in outcome.err
