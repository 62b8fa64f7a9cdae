"""Whatever a model writes: markers are those of sources, no link leads out, and quotes stand where they say."""

from __future__ import annotations

import asyncio
import re

from hypothesis import given
from hypothesis import strategies as st

from app.chains.clean_stream import complete
from app.chains.markers import (
    disarm_markers,
    marker_positions,
    normalise_markers,
    quote_plainly,
    without_markers,
)
from app.chains.records import Draft, Quote
from app.chains.source_markers import SourceMarkers
from app.chains.verify import verify
from tests.fuzzing import fuzzed, texts_of
from tests.unit.chain_fakes import Library, Recorder
from tests.unit.test_clean_stream import PieceModel
from ui.safe_text import linked_markdown, one_line, safe_label, safe_markdown

LIBRARY = Library(
    {"lease": "The rent is 1,450 euros [sic] a month.\n\nIt is due on the first day. See items[0].a: 38."}
)
PIECES = (
    *("[1]", "[2]", "[9]", "[", "]", "[1, 2]", "[1-3]", "[^1]", "【1†page】", "[source 1]", "[1](http://x.example)"),
    *('[1: "The rent is 1,450 euros"]', '[2: "due', '"]', "[1]: http://evil.example\n", "![a](http://evil.example/p.png)"),
    *("`", "```", "\n", " ", "The rent is 1,450 euros", "It is due. ", "(", ")", "!", "<img src=", ">", "a", "9"),
    *("https://evil.example/", "www.evil.example", "http:", "//", "javascript:", "\\", "|"),
    *("\ue000", "\ue001", "\ue002"),
)  # fmt: skip
written = texts_of(*PIECES)
_MARKS = (
    "[1]",
    "[2]",
    "[9]",
    "[1][1]",
    "[1] [1]",
    "[9][1]",
    "[1, 1]",
    "【1】",
    "[^1]",
    "[source 1]",
    "[1](http://x.example)",
)
_LINKS = ("http://evil.example/x", "www.evil.example", "https://evil.example")
lines_with_links = st.lists(
    st.sampled_from((*_MARKS, *_LINKS, ": ", ":", "\n", " ", " so ", "The rent is due. ", "- ")), max_size=14
).map("".join)
LINKS = re.compile(r"evil\.example/p\.png|\]\(https?:")


@fuzzed
@given(written, st.sets(st.integers(0, 12)))
def test_markers_become_those_that_are_known(text: str, known: set[int]) -> None:
    plain = normalise_markers(text, known)
    assert {number for number, _ in marker_positions(plain)} <= known
    assert normalise_markers(plain, known) == plain
    for number, position in marker_positions(plain):
        assert plain.startswith(f"[{number}]", position)


@fuzzed
@given(written)
def test_a_document_brings_no_markers_along(text: str) -> None:
    assert len(disarm_markers(text)) == len(text)
    assert marker_positions(normalise_markers(quote_plainly(text), set())) == []
    without_markers(text)


@fuzzed
@given(written)
def test_sources_are_numbered_as_they_come_up(text: str) -> None:
    markers = SourceMarkers(LIBRARY.evidence())
    rewritten = markers.rewrite(text)
    numbers = list(dict.fromkeys(number for number, _ in marker_positions(rewritten)))
    assert numbers == [quote.marker for quote in markers.quotes] == list(range(1, len(numbers) + 1))


@fuzzed
@given(written)
def test_markers_and_citations_correspond(text: str) -> None:
    quotes = tuple(Quote(number, chunk, 0.5) for number, chunk in enumerate(LIBRARY.chunks, start=1))
    checked = verify(Draft(text, quotes, refused=False, mode="llm", model="m"), text_of=LIBRARY.text_of)
    numbers = list(dict.fromkeys(number for number, _ in marker_positions(checked.answer)))
    assert numbers == [citation.marker for citation in checked.citations] == list(range(1, len(numbers) + 1))
    for citation in checked.citations:
        stored = LIBRARY.texts[citation.document_id]
        assert 0 <= citation.char_start <= citation.char_end <= len(stored)
        assert not citation.verified or stored[citation.char_start : citation.char_end] == citation.quote


@fuzzed
@given(written, st.integers(1, 20))
def test_nothing_streamed_leads_elsewhere(text: str, size: int) -> None:
    sink = Recorder()
    whole, quotes = asyncio.run(complete(PieceModel(text, size), [], LIBRARY.evidence(), on_token=sink))
    for shown in (whole, sink.text):
        assert not LINKS.search(shown)
    numbers = {number for number, _ in marker_positions(normalise_markers(whole, set(range(99))))}
    assert numbers <= {quote.marker for quote in quotes}


@fuzzed
@given(lines_with_links, st.integers(1, 40))
def test_what_is_streamed_of_markers_and_links_is_what_remains(text: str, size: int) -> None:
    sink = Recorder()
    whole, _ = asyncio.run(complete(PieceModel(text, size), [], LIBRARY.evidence(), on_token=sink))
    assert sink.text.strip() == whole


@fuzzed
@given(written, st.dictionaries(st.integers(0, 9), st.just("#source-1"), max_size=3))
def test_what_is_shown_can_be_shown(text: str, links: dict[int, str]) -> None:
    for shown in (safe_markdown(text), linked_markdown(text, links)):
        assert not re.search(r"(?<!\\)<(?:img|a|script)\b", shown)
    assert "\n" not in one_line(text)
    assert len(safe_label(text, limit=40)) <= 400
