"""A log line is one line of printable characters, whatever it tells of."""

from __future__ import annotations

import logging
import sys

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
