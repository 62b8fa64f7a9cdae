"""What a question names: the model number that has to stand beside an answer, the record that is meant, or nothing."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.models.sentences import is_record
from app.models.terms import STOPWORDS, terms, words

_MODEL = re.compile(
    r"\b(?!(?:19|20)\d\d\b)(?:[A-ZÀ-ÖØ-Þ][\w&.]*[ -](?!(?:19|20)\d\d\b)\d[\w.]*(?<!\.)\b"  # Heron 4, SP2-24100
    r"|(?=[\w-]*[A-Z])(?=[\w-]*\d)[\w-]+)"  # HER-3, A320
)
_PERIOD = re.compile(
    r"(?:fy|q|h)[ -]?\d+|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*[ -]\d+|\d+(?:st|nd|rd|th|k|q)"
    r"|\d+-[kq]",
    re.IGNORECASE,
)
_GREETINGS = frozenset(
    "hi hello hey hiya there good morning afternoon evening night day dear all thanks thank you much very ok okay"
    " yes no please bye goodbye cheers test ping how are you doing today nice to meet is this working who what can"
    " help me hallo guten tag morgen abend danke tschuss moin servus bonjour bonsoir salut merci hola buenos dias"
    " buenas tardes gracias adios".split()
)


def model_names(question: str) -> tuple[str, ...]:
    """Names with a number in them, as `spaced` words; no years, dates, quarters and forms of a report."""
    found = (match.group() for match in _MODEL.finditer(question))
    return tuple(spaced(name) for name in found if not _PERIOD.fullmatch(name))


def spaced(text: str) -> str:
    """A text's words between blanks, so that `in` finds whole words in their order."""
    return f" {' '.join(words(text))} "


def strangeness(names: Sequence[str], near: str, passage: str) -> float:
    """How far the names are: 0 when all stand in `near`, 1 when one is not even in the passage; both `spaced`."""
    if all(name in near for name in names):
        return 0.0
    return 0.3 if all(name in passage for name in names) else 1.0


def is_named_record(text: str, question: str) -> bool:
    """Whether the question holds a value of the record word for word, as the name of a thing or a stored question."""
    if not is_record(text):
        return False
    values = (spaced(line.split(": ", 1)[1]) for line in text.splitlines() if ": " in line)
    return any(value in question and any(map(str.isalpha, value)) and terms(value) for value in values)


def is_greeting(question: str) -> bool:
    """Whether nothing is asked: "hi", "thank you very much"."""
    said = words(question)
    return all(word in _GREETINGS for word in said) and any(word not in STOPWORDS for word in said)
