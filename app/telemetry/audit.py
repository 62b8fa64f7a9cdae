"""Who changed what: one line of JSON for each change, in a file that is only ever added to.

A file rather than a table of the database: whoever may delete documents cannot delete what was noted of it, a restored
backup does not take it back, and it can be shipped or made append-only with the tools of the system. Lines hold ids and
the names of collections, never names or texts of documents, so that what was deleted is not kept here.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from logging.handlers import WatchedFileHandler
from pathlib import Path
from typing import Final

from app.telemetry import context, metrics
from app.telemetry.traces import Value
from app.tenancy import plain_name

FILE: Final = "audit.jsonl"
log = logging.getLogger("llmops.audit")


def audit(
    action: str, subject_kind: str, subject_id: str | None, **details: Value | list[str] | None
) -> None:
    """Note that the actor of this request has done `action`, once it is done; `subject_id` is None for everything.

    It must not fail the request, whose work is done: a file that cannot be written counts in
    `llmops_audit_failures_total`, and the line stands in the log on standard output all the same.
    """
    fields: dict[str, Value | list[str] | None] = {
        "actor": context.actor.get(),
        "identity": context.identity.get(),
        "tenant": context.tenant.get(),
        "subject_kind": subject_kind,
        "subject_id": subject_id and plain_name(subject_id),
    }
    log.info(action, extra=fields | details)


def open_audit_log(folder: Path) -> None:
    """Send records to the folder's file, whatever the level of other logs; a second call replaces the first.

    The file may be moved away at any time, as logrotate does: the next record begins a new one. It is never rotated
    here, where old records would be removed.

    Raises:
        OSError: the file cannot be written.
    """
    close_audit_log()
    log.setLevel(logging.INFO)
    handler = _AuditFile(folder / FILE, encoding="utf-8")
    handler.setFormatter(_Record())
    log.addHandler(handler)


def close_audit_log() -> None:
    for handler in list(log.handlers):
        log.removeHandler(handler)
        handler.close()


@contextmanager
def audit_file_alone(folder: Path) -> Iterator[None]:
    """Send the records of a block to the folder's file and nowhere else, for who has no other logs. Raises OSError."""
    open_audit_log(folder)
    log.propagate = False
    try:
        yield
    finally:
        log.propagate = True
        close_audit_log()


class _AuditFile(WatchedFileHandler):
    """One write for each line, which others' lines do not fall into."""

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError:  # which the standard library lets through when it opens the file again
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802  # the standard library's name
        metrics.failed_to_audit()
        logging.getLogger("llmops.api").error("audit_unavailable", extra={"action": record.getMessage()})


_STANDARD: Final = set(vars(logging.makeLogRecord({})))


class _Record(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "action": record.getMessage(),
            **{key: value for key, value in vars(record).items() if key not in _STANDARD},
            "request_id": context.request_id.get(),
        }
        return json.dumps(line)
