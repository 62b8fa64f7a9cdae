"""Small files that were made to take all memory or time: each is read, or refused with a code."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from app.errors import UnreadableDocument
from app.ingestion.sandbox import parse_isolated
from tests.fixtures.documents import docx_paragraph, make_docx

_READ = "read"
# What would take the whole minute that is allowed need not do so here.
_LIMIT_S = {"one-line-of-tags.html": 4, "paragraphs.docx": 4}


def _page_bomb() -> bytes:
    """A page tree of 0.9 million pages in 2 kB, for every entry of its three levels is the same."""
    objects = [b"<</Type/Catalog/Pages 2 0 R>>"]
    fan, number = 96, 2
    for level in range(3):
        kids = b" ".join([b"%d 0 R" % (number + 1)] * fan)
        parent = b"/Parent %d 0 R" % (number - 1) if level else b""
        objects.append(b"<</Type/Pages%s/Count %d/Kids[%s]>>" % (parent, fan ** (3 - level), kids))
        number += 1
    objects.append(b"<</Type/Page/Parent 4 0 R/MediaBox[0 0 9 9]>>")
    body = b"%PDF-1.4\n"
    offsets = []
    for index, content in enumerate(objects, start=1):
        offsets.append(len(body))
        body += b"%d 0 obj%s endobj\n" % (index, content)
    table = b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    trailer = b"trailer<</Root 1 0 R/Size %d>>\nstartxref\n%d\n%%%%EOF" % (len(objects) + 1, len(body))
    return body + b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1) + table + trailer


@pytest.mark.parametrize(
    ("name", "make", "outcomes"),
    [
        ("deep.html", lambda: b"<div>" * 100_000 + b"word", {_READ}),
        ("deep-list.html", lambda: b"<ul><li>" * 100_000 + b"word", {_READ}),
        ("deep-table.html", lambda: b"<table><tr><td>" * 100_000 + b"word", {_READ}),
        ("attributes.html", lambda: b"<p " + b" ".join(b"a%d=1" % n for n in range(200_000)) + b">word", {_READ}),
        ("one-line.html", lambda: b"<p>" + b"some words " * 4_545_000, {_READ}),
        ("one-line-of-tags.html", lambda: b"<p>some <b>words</b> " * 2_500_000, {_READ, "document_too_complex"}),
        ("open-comment.html", lambda: b"<!--" * 1_000_000, {"empty_document", "document_too_complex"}),
        ("cell.csv", lambda: b"id,blob\n1," + b"x" * 10_000_000 + b"\n2,small\n", {_READ}),
        ("quotes.csv", lambda: b"a,b\n" + b'1,"' * 2_000_000, {_READ, "document_too_complex"}),
        ("columns.csv", lambda: b",".join(b"c%d" % n for n in range(300_000)) + b"\n" + b"1," * 300_000, {_READ}),
        ("zeros.csv", lambda: b"a,b\n" + b"\x00" * 1_000_000, {"unknown_encoding"}),
        ("bomb.docx", lambda: make_docx(docx_paragraph(" " * (150 << 20))), {"empty_document"}),
        ("paragraphs.docx", lambda: make_docx("<w:p/>" * 5_000_000), {"empty_document", "document_too_complex"}),
        ("deep.docx", lambda: make_docx("<w:tbl><w:tr><w:tc>" * 100_000), {"document_too_complex"}),
        ("pages.pdf", _page_bomb, {"document_too_complex"}),
        ("deep.json", lambda: b'{"a":' * 100_000 + b"1" + b"}" * 100_000, {"document_too_complex"}),
    ],
)  # fmt: skip
@pytest.mark.timeout(90)  # on a busy machine; alone, each takes some seconds
def test_a_bomb_goes_off_in_the_sandbox(name: str, make: Callable[[], bytes], outcomes: set[str]) -> None:
    data = make()
    started = time.monotonic()
    try:
        parsed = parse_isolated(data, name, timeout_s=_LIMIT_S.get(name, 60), memory_mb=1024)
        outcome = _READ
        assert parsed.text
    except UnreadableDocument as error:
        outcome = error.code
    assert outcome in outcomes
    assert time.monotonic() - started < 62
