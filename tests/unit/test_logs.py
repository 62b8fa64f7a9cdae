"""A log line is one line of printable characters, whatever it tells of."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

import pytest

from app import logs
from app.logs import KeyValueFormatter


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
