"""Parse what strangers send in a process of its own, killed when it goes over time, memory or output."""

from __future__ import annotations

import contextlib
import json
import logging
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, cast

import app
from app.errors import CorruptDocument, DocumentTooComplex, UnreadableDocument
from app.ingestion.loaders import LOADERS, ParsedDocument, ParseLimits, detect_media_type
from app.ingestion.media_types import MARKDOWN, TEXT
from app.ingestion.parsed import parsed_from_fields

_log = logging.getLogger("llmops.embedding")

# Decoding and the search for headings take linear time, as tests/unit/test_linear_time.py makes sure, a few times the
# size, and parse no binary format: up to this size a process of its own would cost a hundred times the work itself.
_IN_PROCESS_TYPES = (TEXT, MARKDOWN)
_IN_PROCESS_BYTES = 1 << 20
_GUARD_S = 0.05
_MAX_HEADER_BYTES = 64 << 20
_UTF8_BYTES_PER_CHAR = 4
_PACKAGE_PARENT = str(Path(app.__file__).resolve().parent.parent)
# The only variables that the child gets: it needs no keys, but the loader of shared libraries may need a path.
_INHERITED = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SYSTEMROOT")
# How native code ends that got no memory; a file that makes it overrun ends with SIGSEGV or SIGBUS instead.
_EXHAUSTED = (signal.SIGKILL, signal.SIGXCPU, signal.SIGABRT, signal.SIGTRAP, signal.SIGILL)
_ERRORS: dict[str, type[UnreadableDocument]] = {
    error.code: error for error in UnreadableDocument.__subclasses__()
}


def parse_isolated(
    data: bytes,
    name: str,
    *,
    timeout_s: float = 60.0,
    memory_mb: int = 1024,
    max_pages: int = 10_000,
    media_type: str | None = None,
    stop: threading.Event | None = None,
) -> ParsedDocument:
    """Read a file without trusting it; `media_type` spares the detection where it is known.

    Setting `stop` kills the process that reads; what is raised then is of no use to anybody.

    Raises:
        UnreadableDocument: as `parse` does; `DocumentTooComplex` also where time, memory or output ran over,
            and `CorruptDocument` where the reader crashed.
    """
    media_type = media_type or detect_media_type(data, name)
    limits = ParseLimits(max_pages=max_pages)
    if media_type in _IN_PROCESS_TYPES and len(data) <= _IN_PROCESS_BYTES:
        return LOADERS[media_type](data, limits)
    request = {
        "media_type": media_type,
        "timeout_s": timeout_s,
        "memory_mb": memory_mb,
        "limits": asdict(limits),
    }
    header, text = run_isolated(
        "app.ingestion.sandbox_child",
        data,
        request,
        max_bytes=_MAX_HEADER_BYTES + limits.max_chars * _UTF8_BYTES_PER_CHAR,
        stop=stop,
    )
    return parsed_from_fields(header | {"text": text.decode()})


def run_isolated(
    module: str,
    data: bytes,
    request: dict[str, Any],
    *,
    max_bytes: int,
    stop: threading.Event | None = None,
) -> tuple[dict[str, Any], bytes]:
    """Let a module of ours work on data of strangers, see `sandbox_child.run`; give the header and body it answers.

    `request` must hold `timeout_s` and `memory_mb`; `max_bytes` bounds the answer; `stop` kills the child.

    Raises:
        UnreadableDocument: the class that the child named, or the one that its death stands for.
    """
    output, status = _run_child(module, data, request, max_bytes=max_bytes, stop=stop or threading.Event())
    header, _, body = output.partition(b"\n")
    if status != 0 or not header:
        raise _explain_death(status, request["memory_mb"])
    answer: dict[str, Any] = json.loads(header)
    failure = answer.get("error")
    if failure is not None:
        if failure["trace"]:
            _log.warning("reader_failed", extra={"reason": failure["detail"], "trace": failure["trace"]})
        raise _ERRORS[failure["code"]](failure["detail"], extraction=failure["extraction"])
    return answer, body


def _run_child(
    module: str, data: bytes, request: dict[str, Any], *, max_bytes: int, stop: threading.Event
) -> tuple[bytes, int]:
    timeout_s = request["timeout_s"]
    is_late, is_done = threading.Event(), threading.Event()
    with tempfile.TemporaryFile() as source:
        source.write(data)
        source.seek(0)
        with _started_child(module, source, json.dumps(request)) as child:
            guard = threading.Thread(
                target=_guard, args=(child, timeout_s, stop, is_late, is_done), daemon=True
            )
            guard.start()
            try:
                output = cast("IO[bytes]", child.stdout).read(max_bytes + 1)
                if len(output) <= max_bytes:
                    child.wait()
            finally:
                is_done.set()
                guard.join()
    if is_late.is_set():
        raise DocumentTooComplex(f"reading it takes more than {timeout_s:g} s")
    if len(output) > max_bytes:
        raise DocumentTooComplex("it makes more text than is allowed")
    return output, child.returncode


@contextlib.contextmanager
def _started_child(module: str, source: IO[bytes], request: str) -> Iterator[subprocess.Popen[bytes]]:
    environment = {name: os.environ[name] for name in _INHERITED if name in os.environ}
    child = subprocess.Popen(
        [sys.executable, "-P", "-s", "-B", "-m", module, request],
        stdin=source,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=environment | {"PYTHONPATH": _PACKAGE_PARENT},
        start_new_session=True,
    )
    with child:
        try:
            yield child
        finally:
            _kill(child)


def _guard(
    child: subprocess.Popen[bytes],
    timeout_s: float,
    stop: threading.Event,
    is_late: threading.Event,
    is_done: threading.Event,
) -> None:
    """Kill the child when it is late or not wanted any more."""
    deadline = time.monotonic() + timeout_s
    while not is_done.wait(_GUARD_S):
        if time.monotonic() > deadline:
            is_late.set()
        if is_late.is_set() or stop.is_set():
            _kill(child)
            return


def _kill(child: subprocess.Popen[bytes]) -> None:
    """End the child and whatever it started; a group of its own makes that one call."""
    if child.poll() is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)


def _explain_death(status: int, memory_mb: int) -> UnreadableDocument:
    try:
        name = signal.Signals(-status).name
    except ValueError:
        name = f"exit status {status}"
    if -status in _EXHAUSTED:
        return DocumentTooComplex(f"reading it went over the limit of {memory_mb} MiB or of time ({name})")
    return CorruptDocument(f"the reader crashed on it ({name})")
