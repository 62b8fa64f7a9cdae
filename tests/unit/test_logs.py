"""A log line is one line of printable characters, whatever it tells of."""

from __future__ import annotations

import json
import logging
import sys
from pathlib import Path
from typing import Any

import pytest

from app import logs
from app.logs import JsonFormatter, KeyValueFormatter
from app.telemetry import context


def render(message: str, **extra: object) -> str:
    record = logging.LogRecord("llmops.api", logging.INFO, "x.py", 1, message, None, None)
    vars(record).update(extra)
    return KeyValueFormatter().format(record)


def test_control_characters_are_escaped() -> None:
    line = render("request", path="/documents/\x1b[31mRED\x07\x00\x9b\u2028\u202e\nx")

    assert line.isprintable()
    assert r"/documents/\x1b[31mRED\x07\x00\x9b\u2028\u202e\nx" in line


def test_letters_of_every_script_stay() -> None:
    assert "path=/Größe/契約" in render("request", path="/Größe/契約")


def test_a_traceback_keeps_its_lines_and_nothing_else() -> None:
    try:
        raise ValueError("a\x1b[2Jb")
    except ValueError:
        record = logging.LogRecord("llmops.api", logging.ERROR, "x.py", 1, "failed", None, sys.exc_info())
    lines = KeyValueFormatter().format(record).split("\n")

    assert len(lines) > 3
    assert all(line.isprintable() for line in lines)
    assert lines[-1] == r"ValueError: a\x1b[2Jb"


def test_a_file_that_is_full_makes_way_and_no_line_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.logs._MAX_BYTES", 2_000)
    for start in (0, 40):  # the second time the file is there already
        logs.configure_logging(tmp_path, "INFO")
        for number in range(start, start + 40):
            logging.getLogger("llmops.api").info("event", extra={"number": number})
    for name in logs.FILES:
        logs.close_files(logging.getLogger(name))
    files = sorted(tmp_path.glob("api.log*"))
    assert len(files) > 2
    assert all(file.stat().st_size < 2_200 for file in files)
    lines = [line for file in files for line in file.read_text().splitlines()]
    assert sorted(int(line.rpartition("number=")[2]) for line in lines) == list(range(80))


def as_json(message: str, exc_info: Any = None, **extra: object) -> dict[str, object]:
    record = logging.LogRecord("llmops.api", logging.INFO, "x.py", 1, message, None, exc_info)
    vars(record).update(extra)
    line = JsonFormatter().format(record)
    assert line.isascii()
    assert line.isprintable()
    parsed: dict[str, object] = json.loads(line)
    return parsed


def test_json_lines_name_whose_work_they_are_of() -> None:
    tokens = [(variable, variable.set(f"my-{variable.name}")) for variable in context.LOGGED]
    try:
        line = as_json("request", path="/documents/\x1b\u202e", ms=1.5)
        assert as_json("request", run_id="another")["run_id"] == "another"
    finally:
        for variable, token in tokens:
            variable.reset(token)
    assert {name: line[name] for name in ("request_id", "run_id", "thread_id")} == {
        "request_id": "my-request_id",
        "run_id": "my-run_id",
        "thread_id": "my-thread_id",
    }
    assert (line["event"], line["level"], line["logger"]) == ("request", "INFO", "llmops.api")
    assert (line["path"], line["ms"]) == ("/documents/\x1b\u202e", 1.5)
    assert str(line["time"]).endswith("+00:00")


def test_json_lines_keep_a_traceback_and_what_json_does_not_know() -> None:
    try:
        raise ValueError("a\x1b[2Jb")
    except ValueError:
        line = as_json("failed", sys.exc_info(), folder=Path("x"))
    assert str(line["trace"]).endswith("ValueError: a\x1b[2Jb")
    assert line["folder"] == "x"


def test_text_lines_leave_out_what_nobody_has_said() -> None:
    assert "run_id" not in render("request")
    assert "request_id=-" in render("request")
