"""Common abbreviations and what they stand for, so that a question finds its answer in either form."""

from __future__ import annotations

import re
from functools import cache

from app.models.terms import terms

_MEANINGS = {
    "CEO": "chief executive officer",
    "CFO": "chief financial officer",
    "COO": "chief operating officer",
    "CTO": "chief technology officer",
    "CIO": "chief information officer",
    "CMO": "chief marketing officer",
    "VP": "vice president",
    "HQ": "headquarters",
    "HR": "human resources",
    "AGM": "annual general meeting",
    "R&D": "research and development",
    "SG&A": "selling, general and administrative",
    "COGS": "cost of goods sold",
    "EPS": "earnings per share",
    "FX": "foreign exchange",
    "IPO": "initial public offering",
    "VAT": "value added tax",
    "NDA": "non-disclosure agreement",
    "SLA": "service level agreement",
    "KPI": "key performance indicator",
    "PTO": "paid time off",
    "WFH": "work from home",
    "UN": "United Nations",
    "EU": "European Union",
}

Equivalents = tuple[tuple[re.Pattern[str], frozenset[str]], ...]


def expand(question: str) -> str:
    """The question with the meaning behind each of its abbreviations: "the CEO (chief executive officer) of …"."""
    for short, meaning in _MEANINGS.items():
        if meaning.casefold() not in question.casefold():
            question = _short(short).sub(lambda found, meaning=meaning: f"{found[0]} ({meaning})", question)  # type: ignore[misc]
    return question


def equivalents(question: str) -> Equivalents:
    """What to look for in a text, and the terms of the question that it stands for: "chief executive" for "CEO"."""
    found = []
    for short, meaning in _MEANINGS.items():
        if _short(short).search(question):
            found.append((_long(meaning), frozenset(terms(short)) or frozenset({short.casefold()})))
        elif _long(meaning).search(question):
            found.append((_short(short), frozenset(terms(meaning))))
    return tuple(found)


@cache
def _short(abbreviation: str) -> re.Pattern[str]:
    """Capitals only, since "un" and "vat" are words; with or without a plural's s."""
    return re.compile(rf"(?<!\w){re.escape(abbreviation)}s?(?!\w)")


@cache
def _long(meaning: str) -> re.Pattern[str]:
    """The meaning across line breaks; of an officer the title may be left out, as in "the Chief Executive"."""
    words = meaning.removesuffix(" officer").split()
    return re.compile(r"\b" + r"[\s-]+".join(map(re.escape, words)), re.IGNORECASE)
