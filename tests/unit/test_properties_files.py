"""Any bytes at all become a document or an error with a code; `make properties` makes up ten thousand of each kind."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.downloads import attachment
from app.errors import UnreadableDocument
from app.ingestion.decoding import decode
from app.ingestion.html_text import _CODE_PAGES as CODE_PAGES
from app.ingestion.loaders import LOADERS, ParsedDocument, ParseLimits, detect_media_type
from app.ingestion.media_types import CSV, HTML, JSON, JSON_LINES, MARKDOWN, TEXT, TSV
from app.ingestion.names import display_name
from tests.fixtures.documents import SAMPLES
from tests.fuzzing import damaged, fuzzed, texts_of

LIMITS = ParseLimits(max_pages=50, max_chars=200_000)
PIECES = {
    HTML: [*"<p> </p> <tr> <td colspan=9> <!-- --> <script> <style> <pre> <h1> &amp; &#0; <![CDATA[ <br".split(), " "],
    MARKDOWN: ["# ", "## ", "---\n", "```", "\n", "title: ", "- ", "| a | b |", "\r", "\x00", "Title\n===\n"],
    TEXT: ["word ", "\n", "\r\n", "\x0c", "\x00", "\ufeff", "\u2028", "TITLE\n", "1. "],
    CSV: ["a", ",", ";", "\t", '"', '""', "\n", "\r", "\r\n", "sep=;\n", "\x00", "'"],
    TSV: ["a", "\t", '"', "\n", "\r", "\\t"],
    JSON: [*'{}[]",:', "1", "-", "e999", "true", "null", '"a"', '"a": ', "\\ud800", "\\u0000", "NaN", " "],
    JSON_LINES: [*'{}[]",:\n\r', "1", '{"a": 1}\n', "null\n", "\u2028", "\\udc00"],
}  # fmt: skip


def files_of(media_type: str) -> st.SearchStrategy[bytes]:
    """Damaged samples of the format, texts of what means something in it, and anything."""
    kinds = [damaged(SAMPLES[media_type][1]), st.binary(max_size=400)]
    if media_type in PIECES:
        encodings = st.sampled_from(["utf-8", "utf-16", "utf-8-sig"])
        kinds.append(
            st.builds(lambda text, encoding: text.encode(encoding), texts_of(*PIECES[media_type]), encodings)
        )
    return st.one_of(kinds)


def check(parsed: ParsedDocument) -> None:
    parsed.text.encode("utf-8")
    assert parsed.text.strip()
    end = 0
    for start, stop in parsed.page_spans:
        assert end <= start <= stop <= len(parsed.text)
        end = stop
    assert all(0 <= heading.start <= len(parsed.text) for heading in parsed.headings)


@pytest.mark.parametrize("media_type", LOADERS)
def test_a_loader_reads_or_refuses(media_type: str) -> None:
    @fuzzed
    @given(files_of(media_type))
    def read(data: bytes) -> None:
        try:
            parsed = LOADERS[media_type](data, LIMITS)
        except UnreadableDocument:
            return
        check(parsed)

    read()


@fuzzed
@given(st.binary(max_size=200), st.none() | st.sampled_from(sorted(set(CODE_PAGES.values()))))
def test_bytes_are_decoded_or_refused(data: bytes, declared: str | None) -> None:
    try:
        decode(data, declared=declared).text.encode("utf-8", errors="strict")
    except UnreadableDocument:
        return


@fuzzed
@given(
    st.one_of(st.binary(max_size=80), *(damaged(data) for _, data, _ in SAMPLES.values())),
    texts_of(".", "/", "..", ".pdf", ".json", ".docx", ".html", "\x00", "\u202e"),
)
def test_the_kind_of_a_file_is_told_or_refused(data: bytes, name: str) -> None:
    try:
        assert detect_media_type(data, name) in LOADERS
    except UnreadableDocument:
        return


@fuzzed
@given(st.text(max_size=300) | texts_of("/", "\\", "..", "\x00", "\r\n", "\u202e", ".txt", '"', "%", ";"))
def test_a_name_is_shown_and_sent_harmlessly(name: str) -> None:
    shown = display_name(name)
    assert shown.isprintable()
    assert 0 < len(shown) <= 255
    assert not {"/", "\\", "\u202e", "\x00"} & set(shown)
    header = attachment(shown)
    header.encode("ascii")
    assert header.startswith('attachment; filename="')
    assert header.count('"') == 2
    assert not {"\r", "\n"} & set(header)
