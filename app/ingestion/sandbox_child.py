"""The process inside the sandbox: standard input is a file, standard output its text, and then it ends.

`python -m app.ingestion.sandbox_child '{"media_type": …}'`. The answer's first line is a JSON object, with either
`error` or the fields of the document; the text follows as UTF-8. It imports nothing but the parsers, so that it
starts quickly.
"""

from __future__ import annotations

import contextlib
import json
import math
import resource
import sys
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any

from app.errors import CorruptDocument, DocumentTooComplex, UnreadableDocument
from app.ingestion.confinement import confine
from app.ingestion.loaders import LOADERS, ParsedDocument, ParseLimits

_WRITE_CHARS = 1 << 20
_MAX_OPEN_FILES = 64


def main() -> None:
    run(_parse)


def run(work: Callable[[bytes, dict[str, Any]], None]) -> None:
    """Do the work under the limits of the request; it answers on standard output, and what it raises is told there."""
    request = json.loads(sys.argv[1])
    _limit_resources(memory_mb=request["memory_mb"], cpu_s=request["timeout_s"])
    confine()
    try:
        work(sys.stdin.buffer.read(), request)
    except UnreadableDocument as error:
        _fail(error.code, error.detail, extraction=error.extraction)
    except MemoryError:
        _fail(DocumentTooComplex.code, f"reading it takes more than {request['memory_mb']} MiB of memory")
    except RecursionError:
        _fail(DocumentTooComplex.code, "it is nested too deeply")
    except Exception as error:  # noqa: BLE001 - the last resort of reading a file, whatever its parser raised
        frames = traceback.format_tb(error.__traceback__)
        _fail(
            CorruptDocument.code, f"the reader failed on it ({type(error).__name__})", trace="".join(frames)
        )


def _parse(data: bytes, request: dict[str, Any]) -> None:
    _answer(LOADERS[request["media_type"]](data, ParseLimits(**request["limits"])))


def _limit_resources(*, memory_mb: int, cpu_s: float) -> None:
    seconds = math.ceil(cpu_s) + 1
    for what, value in (
        (resource.RLIMIT_AS, memory_mb << 20),
        (resource.RLIMIT_CPU, seconds),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, _MAX_OPEN_FILES),
    ):
        # macOS refuses some of them; the time limit of the parent holds everywhere.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(what, (value, value))


def _answer(parsed: ParsedDocument) -> None:
    fields: dict[str, Any] = asdict(parsed)
    text = fields.pop("text")
    output = sys.stdout.buffer
    output.write(json.dumps(fields).encode() + b"\n")
    # In pieces: a second copy of a large text is what would break the memory limit.
    for start in range(0, len(text), _WRITE_CHARS):
        output.write(text[start : start + _WRITE_CHARS].encode())
    output.flush()


def _fail(code: str, detail: str, *, trace: str = "", extraction: Mapping[str, Any] | None = None) -> None:
    failure = {"code": code, "detail": detail, "trace": trace, "extraction": extraction}
    sys.stdout.buffer.write(json.dumps({"error": failure}).encode() + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
