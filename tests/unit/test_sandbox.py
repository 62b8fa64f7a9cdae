"""The sandbox gives what `parse` gives, and survives what `parse` would not."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from app.errors import (
    CorruptDocument,
    DocumentTooComplex,
    EncryptedDocument,
    NeedsOcr,
    UnknownEncoding,
    UnreadableDocument,
)
from app.ingestion.loaders import LOADERS, ParseLimits, parse
from app.ingestion.sandbox import parse_isolated
from tests.fixtures.documents import SAMPLES, make_pdf
from tests.fixtures.torture import SETS, TortureFile, torture_files

SLOW_JSON = b"[" + b'"word",' * 3_000_000 + b"0]"


@pytest.mark.parametrize("media_type", LOADERS)
def test_gives_the_same_document(media_type: str) -> None:
    name, data, _ = SAMPLES[media_type]
    assert parse_isolated(data, name) == parse(data, name, limits=ParseLimits())


def test_gives_everything_that_a_pdf_has() -> None:
    data = make_pdf(["Größe 😀", "", "last"], title="Ein Bericht", outline={0: "Anfang", 2: "Ende"})
    parsed = parse_isolated(data, "a.pdf")
    assert parsed == parse(data, "a.pdf", limits=ParseLimits())
    assert parsed.pages_without_text == (2,)
    assert parsed.title == "Ein Bericht"
    assert len(parsed.headings) == 2


@pytest.mark.parametrize(
    ("data", "name", "error"),
    [
        (make_pdf([""]), "a.pdf", NeedsOcr),
        (make_pdf(["x"], user_password="secret"), "a.pdf", EncryptedDocument),
        (b"%PDF-1.7\nnothing", "a.pdf", CorruptDocument),
        (b"{", "a.json", CorruptDocument),
        (b"[" * 100_000, "a.json", DocumentTooComplex),
        (b"\xff\x00\x01", "a.txt", UnknownEncoding),
    ],
)
def test_raises_the_same_error(data: bytes, name: str, error: type[Exception]) -> None:
    with pytest.raises(error) as outside:
        parse(data, name, limits=ParseLimits())
    with pytest.raises(error) as inside:
        parse_isolated(data, name)
    assert str(inside.value) == str(outside.value)


def test_time_is_limited() -> None:
    started = time.monotonic()
    with pytest.raises(DocumentTooComplex, match=r"more than 0\.2 s"):
        parse_isolated(SLOW_JSON, "a.json", timeout_s=0.2)
    # Left alone, it would go on until its limit of processor time, which is 2 s here.
    assert time.monotonic() - started < 1.9


def test_memory_is_limited() -> None:
    with pytest.raises(DocumentTooComplex, match="128 MiB"):
        parse_isolated(b"[" + b"[]," * 4_000_000 + b"[]]", "a.json", memory_mb=128)


def test_pages_are_limited() -> None:
    with pytest.raises(DocumentTooComplex, match="2 pages; at most 1"):
        parse_isolated(make_pdf(["a", "b"]), "a.pdf", max_pages=1)


def test_no_child_is_left_behind() -> None:
    # In a process of its own, for other tests of this one may have children that are still running.
    code = """
import os
from app.errors import DocumentTooComplex
from app.ingestion.sandbox import parse_isolated
from tests.unit.test_sandbox import SLOW_JSON
try:
    parse_isolated(SLOW_JSON, "a.json", timeout_s=0.2)
    raise SystemExit("it was not stopped")
except DocumentTooComplex:
    pass
try:
    print("left behind:", os.waitpid(-1, os.WNOHANG))
except ChildProcessError:
    print("none")
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.strip() == "none"


def test_the_child_imports_no_heavy_package() -> None:
    code = (
        "import sys, app.ingestion.sandbox_child; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout.split()
    assert not {"langchain_core", "langgraph", "faiss", "numpy", "pydantic", "onnxruntime"} & set(loaded)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("name", SETS)
def test_torture_files_end_as_their_manifest_says(evaldata: Path, name: str) -> None:
    files = torture_files(evaldata, name)
    # Two at a time: the cores are idle while a process starts.
    with ThreadPoolExecutor(2) as pool:
        outcomes = list(pool.map(_outcome, files))
    for file, outcome in zip(files, outcomes, strict=True):
        assert file.accepts(outcome), (file.path.name, file.expected, outcome)


def _outcome(file: TortureFile) -> str:
    try:
        parsed = parse_isolated(file.path.read_bytes(), file.path.name, timeout_s=60)
    except UnreadableDocument as error:
        return error.code
    assert file.must_contain in parsed.text or file.must_contain.isspace()
    assert "\ufffd" * 20 not in parsed.text
    if file.pages:
        assert len(parsed.page_spans) == int(file.pages), file.path.name
    json.dumps(parsed.text).encode()
    parsed.text.encode("utf-8")
    return "ok"
