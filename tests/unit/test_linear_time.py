"""Text of strangers and of models costs time in proportion to its length, however it is made up."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from time import thread_time

import pytest

from app.chains.carry_over import carry_over
from app.chains.decompose import decompose
from app.chains.locate import locate
from app.chains.markers import marker_positions, normalise_markers, quote_plainly, without_markers
from app.chains.prompts import recent_messages
from app.chains.question_sources import find_candidates, small_words
from app.chains.records import Draft, Quote, Turn
from app.chains.verify import verify
from app.errors import UnreadableDocument
from app.ingestion.contextual import describe_document
from app.ingestion.names import display_name
from app.ingestion.parsed import ParsedDocument, ParseLimits, join_pages
from app.ingestion.plain_text import parse_markdown, parse_text
from app.ingestion.running_lines import body_spans
from app.ingestion.splitter import split
from app.knowledge.quotation import Quotation
from app.knowledge.word_analysis import joined_pairs, plain_words
from app.models.minilm import WordPieces
from app.models.reader import Passage, Reader
from app.models.sentences import (
    is_chart,
    is_figures,
    is_record,
    is_table_row,
    row_label,
    split_sentences,
)
from app.models.terms import numbers, terms
from tests.unit.chain_fakes import Library, make_chunk

CHARS = 20_000
MOST_S = (
    2.0  # of CPU for each input, some fifty times of what is needed; what was quadratic took 4 s to hours
)
LONGEST_CHUNK = 6_000  # characters: a limit of the splitter, and some of what works on chunks is not linear
LONGEST_QUESTION = 8_000

UNITS = [
    *("a", " ", "\n", ".", "[", "(", "`", "#", "1", "1,", "!", '"', "'", "|", "•", "。", "é", "\r", "\x1b["),
    *("a ", "a. ", "A. ", "A.", "1. ", "1-", "Item 1. ", "a\n", " \n", "#a\n", "a: b\n", "-a: b\n", "---\n"),
    *(
        "![](",
        "![a](",
        "[a](",
        "[1",
        "[1]",
        "[1†",
        "[1, ",
        "a [1] ",
        "a [1](",
        "[source ",
        "[9",
        "9]",
        "```a\n",
    ),
    *("A ", "A's ", "of A and ", "2019 and ", "a\u0301", "\u0315\u0300", "a\u200c"),
]
WORD_PIECES = WordPieces()


def read_markdown(text: str) -> object:
    sources = (f"# {text} a\nhello", f"# a{text}b\nhello", f"---\n{text}a", f"```\n{text}a")
    return [parse_markdown(source.encode(), ParseLimits()) for source in sources]


def read_pages(text: str) -> object:
    return body_spans(*join_pages([text] * 5))


def read_draft(text: str) -> object:
    library = Library({"lease": "The rent is 1,450 euros a month. It is due on the first working day."})
    quotes = tuple(Quote(number, chunk, 0.5) for number, chunk in enumerate(library.chunks, start=1))
    draft = Draft(text, quotes, refused=False, mode="llm", model="m")
    return verify(draft, text_of=library.text_of)


def of_chunks(function: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: function(text[:LONGEST_CHUNK])


def of_questions(function: Callable[[str], object]) -> Callable[[str], object]:
    return lambda text: function(text[:LONGEST_QUESTION])


FUNCTIONS: dict[str, Callable[[str], object]] = {
    "text": lambda text: parse_text(text.encode() + b"a", ParseLimits()),
    "markdown": read_markdown,
    "running lines": read_pages,
    "split": lambda text: split(ParsedDocument(text, "text/plain"), WORD_PIECES, size=200, overlap=30),
    "name": display_name,
    "description": lambda text: describe_document(display_name(text), None),
    "sentences": split_sentences,
    "lines": lambda text: (
        is_table_row(text),
        is_figures(text),
        is_chart(text),
        is_record(text),
        row_label(text),
    ),
    "pairs": joined_pairs,
    "markers": lambda text: (
        normalise_markers(text, {1}),
        marker_positions(text),
        without_markers(text + "a"),
    ),
    "quotes": quote_plainly,
    "draft": read_draft,
    "locate": lambda text: locate(f"{text}b", text),
    "history": lambda text: recent_messages([Turn(text, text + "[1")]),
    "follow-up": lambda text: [
        carry_over(question, [Turn(text, text)])
        for question in (
            "and in Bremen?",
            "How long is it?",
            "What is his name?",
            "and its owner",
            "the deposit",
        )
    ],
    "terms": of_chunks(lambda text: (terms(text), numbers(text), plain_words(text))),
    "quotation": of_chunks(lambda text: Quotation("one two three four five six " + text).share_in(text)),
    "reader": of_chunks(
        lambda text: Reader(None).read("How high is the rent?", [Passage(f"Rent {text}", 0.5)])
    ),
    "suggestions": of_chunks(
        lambda text: [
            list(find_candidates(make_chunk(chunk), small_words(chunk)))
            for chunk in (text, f"The rent has {text}.", f"The rent was {text} by 5 % in 2019.", f"# {text}?")
        ]
    ),
    "asking": of_questions(lambda text: decompose(f"Compare {text}", [])),
    "asked": of_questions(lambda text: Reader(None).read(text, [Passage("The rent is due.", 0.5)])),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_time_grows_in_proportion(name: str) -> None:
    for unit in UNITS:
        text = unit * (CHARS // len(unit))
        begun = thread_time()
        with suppress(UnreadableDocument):
            FUNCTIONS[name](text)
        assert thread_time() - begun < MOST_S, f"{unit!r} repeated"
