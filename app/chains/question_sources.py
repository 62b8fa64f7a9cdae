"""Finds what a passage could be asked: what its sentences, tables, records and headings tell, and whom it names."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence, Set
from dataclasses import dataclass

from app.chains.markers import quote_plainly, record_fields
from app.chains.question_writing import stands_alone, write_questions
from app.knowledge.records import Chunk
from app.models.sentences import is_record, is_table_row, split_sentences
from app.models.terms import terms

STORED, WRITTEN, ROW, FIELD, HEADING, NAME = 1.0, 0.9, 0.7, 0.7, 0.5, 0.3
"""How good the questions of each kind are: one that an author wrote, down to one about somebody who is named."""

_HEADING_WORDS = 7
_LABEL_WORDS = 6
_VALUE_CHARS = 60
_TITLE_WORDS = 6
_STORED_WORDS = range(4, 21)

_SMALL_WORD = re.compile(r"(?<![\w@.’'-])[a-z][a-z-]+(?![\w@]|\.\w)")
_NAME_WITHIN = re.compile(r"(?<=[a-z,] )[A-Z][a-z]+")
_ASKS = re.compile(
    r"(?:what|which|who|whom|whose|when|where|why|how|can|may|do|does|did|is|are|was|were|must|should|will)\b",
    re.IGNORECASE,
)
_WHAT_IS = re.compile(r"What is (?!the )(?:an? )?(?P<thing>[a-z-]+(?: [a-z-]+)*)\?")
_RULE = re.compile(r"[\s|:+=-]+")
_HEADING = re.compile(
    r"^(?:#{1,6} +(?:\d+(?:\.\d+)*[.)]? +)?|\d{1,2}(?:\.\d{1,2})*[.)]? +(?=[A-Z][A-Z]))(?P<words>\S[^\n]*)$",
    re.MULTILINE,
)
_SAYS_NOTHING = re.compile(
    r"(?:introduction|contents|abstract|conclusions?|references|summary|overview|background|appendix|annex|notes?"
    r"|general|other|miscellaneous|table of contents|acknowledge?ments|definitions|preamble|untitled)\b",
    re.IGNORECASE,
)
_ROW = re.compile(
    r"(?P<label>(?!Other\b)[A-Z][a-z-]+(?: (?!and\b|or\b)[a-z][a-z-]+)+)(?: \([^()]*\))? "
    r"(?P<figures>[€$£(+-]*\d[\d.,%()€$£ +-]*(?:points)?)"
)
_YEARS = re.compile(r"(?:(?:19|20)\d\d ?)+")
_PLAIN = re.compile(r"[^\W_][\w ,'’&-]*[^\W_]")
_UNIT = re.compile(r" (?:eur|usd|gbp|kg|percent|pct)$|(?<= [a-z]{4}) (?:m|cm|mm|km|l|ml)$")
_NO_FIELD = re.compile(
    r"(?:id|sku|url|uri|link|name|title|date|created|updated|type|index|key|hash|answer|question)\b"
    r"|.*\b(?:from|until|months|weeks|days|years|hours|minutes)$"
)
_NAMES = re.compile(
    r"(?<=[a-z,] )(?<!\ba )(?<!\ban )(?:the )?"
    r"[A-Z][\w’']*[a-z](?: (?:(?:of(?: the)?|for|de|von|van) )?[A-Z][\w’']*[a-z]){1,3}"
    r"(?=[.,]| (?:is|was|are|were|has|had|have|in|on|at|to|by|from|which|who|that|could|would|may|can|will|also)\b)"
)
_CALENDAR = re.compile(
    r"January|February|March|April|May\b|June|July|August|September|October|November|December|[A-Z][a-z]+day\b"
)


@dataclass(frozen=True)
class Candidate:
    """A question, and where in its chunk the answer stands; `merit` is one of the constants above."""

    question: str
    chunk: Chunk
    start: int
    end: int
    merit: float


def small_words(text: str) -> Set[str]:
    """Words that a text has in small letters within its sentences, and not more often with a capital there."""
    small = Counter(_SMALL_WORD.findall(text))
    names = Counter(name.lower() for name in _NAME_WITHIN.findall(text))
    return {word for word, count in small.items() if count >= names[word]}


def find_candidates(chunk: Chunk, common: Set[str]) -> Iterator[Candidate]:
    """The questions that a chunk answers, each with the place of its answer; `common` are its `small_words`."""
    text, columns = chunk.text, _Columns()
    headings = list(_HEADING.finditer(text))
    topics = _topics(chunk, [heading["words"] for heading in headings])
    for start, end in split_sentences(text):
        if not any(heading.start() <= start < heading.end() for heading in headings):
            for question, merit in _ask(text[start:end], columns, common):
                if _is_worth_asking(question, topics):
                    yield Candidate(question, chunk, start, end, merit)
    begins = [heading.start() for heading in headings] + [len(text)]
    for heading, end in zip(headings, begins[1:], strict=True):
        if heading["words"].endswith("?"):
            for question, merit in _as_stored(heading["words"]):
                yield Candidate(question, chunk, heading.start(), end, merit)
        elif about := _about(heading["words"], chunk):
            yield Candidate(about, chunk, heading.end(), end, HEADING)
    if chunk.section and chunk.section not in text and (about := _about(chunk.section, chunk)):
        yield Candidate(about, chunk, 0, begins[0], HEADING)


class _Columns:
    """Remembers the head of the table whose rows are being read."""

    def __init__(self) -> None:
        self.head: Sequence[str] = ()

    def read(self, line: str) -> Sequence[str]:
        """The cells of a row below a head; none of the head itself."""
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        if len(cells) != len(self.head):
            self.head = cells
            return ()
        return () if _RULE.fullmatch(line) else cells


def _ask(sentence: str, columns: _Columns, common: Set[str]) -> Iterator[tuple[str, float]]:
    if is_record(sentence):
        yield from _ask_record(record_fields(sentence))
    elif "|" in sentence:
        if (cells := columns.read(sentence)) and (question := _ask_cell(columns.head, cells)):
            yield question, ROW
    elif sentence.endswith("?"):
        yield from _as_stored(sentence)
    elif is_table_row(sentence):
        if question := _ask_row(sentence):
            yield question, ROW
    else:
        yield from ((question, WRITTEN) for question in write_questions(sentence, common))
        yield from ((question, NAME) for question in _ask_names(sentence))


def _topics(chunk: Chunk, headings: Sequence[str]) -> Set[str]:
    return set(terms(" ".join([chunk.document_title or "", chunk.section or "", *headings])))


def _is_worth_asking(question: str, topics: Set[str]) -> bool:
    """Whether it is not just what a common thing is that was explained in passing: "What is a subscription?"."""
    found = _WHAT_IS.fullmatch(question)
    return found is None or set(terms(found["thing"])) <= topics


def _as_stored(text: str) -> Iterator[tuple[str, float]]:
    """A question that stands in the document, where it can be understood without it."""
    question = quote_plainly(text.lstrip("# "))
    if (
        len(question.split()) in _STORED_WORDS
        and _ASKS.match(question)
        and stands_alone(_ASKS.sub("", question))
    ):
        yield question, STORED


def _ask_names(sentence: str) -> Iterator[str]:
    if sentence.endswith("."):
        names = (" ".join(found.group().split()) for found in _NAMES.finditer(sentence))
        yield from (f"What is said about {name}?" for name in names if not _CALENDAR.search(name))


def _ask_record(fields: Sequence[tuple[str, str]]) -> Iterator[tuple[str, float]]:
    named = next((value for name, value in fields if name.lower() in ("name", "title")), "")
    for name, value in fields:
        wanted = _UNIT.sub("", name)
        if value.endswith("?"):
            yield from _as_stored(value)
        elif (
            _PLAIN.fullmatch(named)
            and len(named.split()) <= _TITLE_WORDS
            and len(value) <= _VALUE_CHARS
            and re.fullmatch(r"[a-z]{4,}(?: [a-z]{4,})?", wanted)
            and not _NO_FIELD.match(wanted)
        ):
            thing = named if named.split()[-1][0].isupper() or named[-1].isdigit() else f"the {named}"
            yield f"What {'are' if wanted.endswith('s') else 'is'} the {wanted} of {thing}?", FIELD


def _ask_cell(head: Sequence[str], cells: Sequence[str]) -> str | None:
    """ "What is the limit for hotel, per night?" of a row below "Expense | Limit"."""
    if len(cells) != 2 or not all(map(_PLAIN.fullmatch, (head[1], cells[0]))):
        return None
    return f"What is the {_lower(head[1])} for {_lower(cells[0])}?" if not head[1][0].isdigit() else None


def _ask_row(row: str) -> str | None:
    found = _ROW.fullmatch(" ".join(row.split()))
    if found is None or len(found["label"].split()) > _LABEL_WORDS or _YEARS.fullmatch(found["figures"]):
        return None
    label, figures = found["label"], found["figures"]
    head = re.split(r" (?:per|of|in|at|from|to|for|on|by|before|after)\b", label)[0]
    is_plural = head.endswith("s") and not head.endswith(("ss", "us", "is"))
    if not is_plural and re.match(r"[a-z]+[^s]s ", head.lower()):
        return None  # "Days lost"
    if is_plural and re.fullmatch(r"\d{1,4}(?: \d{1,4})*(?: [+-]\d+)?", figures):
        return f"How many {_lower(label)} were there?"
    return f"What {'were' if is_plural else 'was'} the {_lower(label)}?"


def _about(heading: str, chunk: Chunk) -> str | None:
    """ "What does “Handbook” say about illness?"; None where the heading says nothing."""
    words = re.sub(r"^\d+(?:\.\d+)*[.)]?\s+", "", " ".join(heading.split())).rstrip(":.")
    title = chunk.document_title or ""
    if not _PLAIN.fullmatch(words) or len(words.split()) > _HEADING_WORDS or _SAYS_NOTHING.match(words):
        return None
    if words.casefold() == title.casefold() or not stands_alone(words):
        return None
    topic = words.lower() if words.isupper() else _lower(words)
    if _PLAIN.fullmatch(title) and len(title.split()) <= _TITLE_WORDS:
        return f"What does “{title}” say about {topic}?"
    return f"What is said about {topic}?"


def _lower(label: str) -> str:
    """As within a sentence: without the capital of its first word, if the others have none."""
    is_name = any(word[0].isupper() for word in label.split()[1:]) or not label[1:2].islower()
    return label if is_name else label[0].lower() + label[1:]
