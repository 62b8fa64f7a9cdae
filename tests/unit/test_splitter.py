"""Chunks are exact, small enough, complete, and cut where a reader would cut."""

from __future__ import annotations

import random
import time
from itertools import pairwise

import pytest

from app.ingestion.loaders import ParsedDocument, ParseLimits, parse
from app.ingestion.parsed import join_pages
from app.ingestion.splitter import TextChunk, WordPieceSplitter, split
from app.models.minilm import WordPieces
from tests.fixtures.measures import FourLetterPieces

ALPHABET = [
    "word",
    "a",
    "Sentence.",
    "end! ",
    "\n",
    "\n\n",
    "\t",
    " ",
    "漢字",
    "。",
    "é" * 40,
    "x" * 300,
    "3.14",
    "—",
    "✓",
    "# H",
]


@pytest.fixture(scope="module")
def word_pieces() -> WordPieces:
    return WordPieces()


def plain(text: str) -> ParsedDocument:
    return ParsedDocument(text, "text/plain")


def check(
    parsed: ParsedDocument, chunks: list[TextChunk], measure: FourLetterPieces | WordPieces, size: int
) -> None:
    covered = bytearray(len(parsed.text))
    for chunk in chunks:
        assert chunk.text == parsed.text[chunk.char_start : chunk.char_end]
        assert chunk.text
        assert chunk.text == chunk.text.strip()
        assert measure.count(chunk.text) == chunk.pieces <= size
        covered[chunk.char_start : chunk.char_end] = b"\x01" * len(chunk.text)
    missed = [character for character, seen in zip(parsed.text, covered, strict=True) if not seen]
    assert not "".join(missed).strip()
    ends = [chunk.char_end for chunk in chunks]
    assert ends == sorted(set(ends))


@pytest.mark.parametrize("seed", range(150))
def test_any_text_is_covered_by_exact_chunks_of_the_size(seed: int) -> None:
    chance = random.Random(seed)
    measure = FourLetterPieces()
    pages = [
        "".join(chance.choices([*ALPHABET, " "], k=chance.randrange(0, 200)))
        for _ in range(chance.randrange(1, 4))
    ]
    text, spans = join_pages(pages)
    size = chance.randrange(1, 60)
    parsed = ParsedDocument(text, "application/pdf", page_spans=spans)
    chunks = split(parsed, measure, size=size, overlap=chance.randrange(0, size))
    check(parsed, chunks, measure, size)
    for chunk in chunks:
        assert chunk.page is not None
        start, end = spans[chunk.page - 1]
        assert start <= chunk.char_start <= chunk.char_end <= end


@pytest.mark.parametrize("seed", range(10))
def test_the_real_tokenizer_measures_the_same(seed: int, word_pieces: WordPieces) -> None:
    chance = random.Random(seed)
    parsed = plain(
        " ".join(
            chance.choices([*ALPHABET, "unaffable", "Größenwahn", "각하", "ﷺ", "مرحبا", "naïve—so"], k=1500)
        )
    )
    check(parsed, split(parsed, word_pieces, size=200, overlap=30), word_pieces, 200)


def test_prefers_headings_then_paragraphs_then_sentences() -> None:
    sentence = "one two three four five six seven."
    measure = FourLetterPieces()
    paragraphs = "\n\n".join([" ".join([sentence.capitalize()] * 3)] * 4)
    for chunk in split(plain(paragraphs), measure, size=40, overlap=0):
        assert chunk.text.count(".") == 3
    flowing = " ".join([sentence.capitalize()] * 20)
    for chunk in split(plain(flowing), measure, size=40, overlap=0):
        assert chunk.text.startswith("One")
        assert chunk.text.endswith("seven.")


def test_sections_are_the_nearest_headings_and_begin_their_own_chunk() -> None:
    body = "Some plain words make up a paragraph here.\n" * 3
    source = f"{body}\n# First\n\n{body}\n## Second\n\n{body}".encode()
    parsed = parse(source, "a.md", limits=ParseLimits())
    chunks = split(parsed, FourLetterPieces(), size=60, overlap=20)
    assert [chunk.section for chunk in chunks] == [None, "First", "Second"]
    assert chunks[1].text.startswith("# First")
    assert chunks[2].text.startswith("## Second")


def test_overlap_is_whole_sentences() -> None:
    text = " ".join(f"Sentence number {n} is here." for n in range(40))
    chunks = split(plain(text), FourLetterPieces(), size=60, overlap=12)
    for before, after in pairwise(chunks):
        shared = text[after.char_start : before.char_end]
        assert shared.startswith("Sentence number")
        assert shared.endswith("here.")
        assert FourLetterPieces().count(shared) <= 12


def test_words_are_not_cut_unless_one_alone_is_too_large() -> None:
    text = "short " * 30 + "x" * 900 + " tail" * 30
    words = set(text.split())
    for chunk in split(plain(text), FourLetterPieces(), size=20, overlap=5):
        is_part_of_the_long_word = set(chunk.text) == {"x"}
        assert is_part_of_the_long_word or set(chunk.text.split()) <= words


def test_a_text_without_words_has_no_chunks() -> None:
    assert split(plain(" \n "), FourLetterPieces(), size=10, overlap=2) == []


def test_is_a_langchain_splitter_with_exact_start_indexes() -> None:
    splitter = WordPieceSplitter(FourLetterPieces(), size=20, overlap=5)
    text = "The same words. " * 30
    documents = splitter.create_documents([text, "other"], [{"source": "a"}, {"source": "b"}])
    for document in documents[:-1]:
        start = document.metadata["start_index"]
        assert text[start : start + len(document.page_content)] == document.page_content
    assert len({d.metadata["start_index"] for d in documents[:-1]}) == len(documents) - 1
    assert documents[-1].metadata == {"source": "b", "start_index": 0}
    assert splitter.split_text(text) == [document.page_content for document in documents[:-1]]
    assert splitter.split_documents(documents[-1:])[0].page_content == "other"


@pytest.mark.parametrize(
    "unit", ["Some words make a sentence. ", "word ", "漢字かな。", "x", "aB3/", "a.\n\n"]
)
def test_time_grows_with_the_length_only(unit: str) -> None:
    def seconds(characters: int) -> float:
        """Of this thread alone, and the better of two: other threads, and a collection of garbage, only add."""
        text = plain(unit * (characters // len(unit)))
        taken = []
        for _ in range(2):
            started = time.thread_time()
            split(text, FourLetterPieces(), size=100, overlap=20)
            taken.append(time.thread_time() - started)
        return min(taken)

    seconds(10_000)
    assert seconds(400_000) < 30 * max(seconds(40_000), 0.02)
