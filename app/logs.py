"""Logs as event names with fields, as text or JSON, to standard output and to rotating files.

`logs/api.log` holds requests and the life of the server, `embedding.log` ingestion, `rag.log` runs. No line holds the
text of a document or a secret.
"""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TextIO

from app.settings import LogFormat
from app.telemetry import context
from app.telemetry.audit import open_audit_log

FILES = {"llmops.api": "api.log", "llmops.embedding": "embedding.log", "llmops.rag": "rag.log"}
_MAX_BYTES = 10 * 1024 * 1024
_BACKUPS = 5
_STANDARD = set(vars(logging.makeLogRecord({}))) | {"message", "asctime", "color_message", "taskName"}


class KeyValueFormatter(logging.Formatter):
    """`2026-01-31T12:00:00.000 INFO llmops.rag run_finished request_id=… agent=qa`, and tracebacks."""

    default_time_format = "%Y-%m-%dT%H:%M:%S"
    default_msec_format = "%s.%03d"

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  # the standard library's name
        said = ((key, value) for key, value in _fields(record) if value != "-" or key == "request_id")
        pairs = " ".join(f"{key}={_quoted(value)}" for key, value in said)
        return _escaped(
            f"{self.formatTime(record)} {record.levelname} {record.name} {record.getMessage()} {pairs}"
        )

    def format(self, record: logging.LogRecord) -> str:
        """The line and below it the traceback, whose messages may quote anything as well."""
        return "\n".join(map(_escaped, super().format(record).split("\n")))


class JsonFormatter(logging.Formatter):
    """One object a line, in ASCII; `trace` holds a traceback."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **dict(_fields(record)),
        }
        if record.exc_info:
            line["trace"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


_FORMATTERS = {"text": KeyValueFormatter, "json": JsonFormatter}


def _fields(record: logging.LogRecord) -> Iterator[tuple[str, object]]:
    """Whose work it is, unless the record itself says so, and what the record says."""
    own = vars(record)
    yield from ((name, value) for name, value in context.logged().items() if name not in own)
    yield from ((key, value) for key, value in own.items() if key not in _STANDARD)


def _escaped(line: str) -> str:
    """Without anything that would end the line, move the cursor or retitle the terminal of who reads it."""
    if line.isprintable():
        return line
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)


def _quoted(value: object) -> str:
    text = str(value)
    return repr(text) if " " in text or "=" in text or not text else text


class _RotatingFile(RotatingFileHandler):
    """Looks at its size only: the standard library's formats each line a second time to know it beforehand."""

    def shouldRollover(self, record: logging.LogRecord) -> bool:  # noqa: ARG002, N802  # as the standard library has it
        return self.stream is not None and self.stream.tell() >= self.maxBytes


def configure_logging(log_dir: Path, level: str, form: LogFormat = "text") -> None:
    """Send our loggers to their files and everything to standard output; a second call replaces the first.

    A log folder that cannot be written leaves standard output alone and says so, for a service that answers is worth
    more than its log files.
    """
    log_to(sys.stdout, level, form)
    try:
        log_dir.mkdir(parents=True, exist_ok=True)
        open_audit_log(log_dir)
        for name, file_name in FILES.items():
            _attach(logging.getLogger(name), log_dir / file_name, form)
    except OSError as error:
        logging.getLogger("llmops.api").warning("log_files_unavailable", extra={"reason": str(error)})


def log_to(stream: TextIO, level: str, form: LogFormat = "text") -> None:
    """Send everything to one stream: of ours what is at `level` and above, of others warnings."""
    console = logging.StreamHandler(stream)
    console.setFormatter(_FORMATTERS[form]())
    root = logging.getLogger()
    root.handlers[:] = [console]
    root.setLevel(logging.WARNING)
    logging.getLogger("llmops").setLevel(level)


def _attach(logger: logging.Logger, path: Path, form: LogFormat) -> None:
    close_files(logger)
    handler = _RotatingFile(path, maxBytes=_MAX_BYTES, backupCount=_BACKUPS, encoding="utf-8")
    handler.setFormatter(_FORMATTERS[form]())
    logger.addHandler(handler)


def close_files(logger: logging.Logger) -> None:
    for handler in list(logger.handlers):
        logger.removeHandler(handler)
        handler.close()
