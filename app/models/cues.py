"""What kind of thing a question asks for, a name or a date or a number, and whether a sentence holds one."""

from __future__ import annotations

import re
from typing import Literal, TypeAlias

from app.models.sentences import is_table_row, row_label
from app.models.terms import terms

Cue: TypeAlias = Literal["person", "date", "amount", "place", "reason", "definition"]


def _any(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


# The first that matches a question decides.
_ASKS: dict[Cue, re.Pattern[str]] = {
    "amount": _any(
        r"\bhow (?:many|much|large|big|high|tall|old|far|often|fast|deep|heavy|wide)\b",
        r"\bwhat (?:percent|number|amount|proportion|fraction|price|cost|rate|ratio)",
        r"\bwie ?viele?\b|\bcombien\b|\bcuánt|\bсколько\b",
    ),
    "date": _any(
        r"\bwhen\b|\bhow long\b|\b(?:what|which) (?:year|date|day|month|decade|century|time)\b",
        r"\bwann\b|\bquand\b|\bcuándo\b|\bкогда\b",
    ),
    "person": _any(r"\bwho(?:m|se)?\b|\bname of the (?:person|man|woman)\b", r"\bwer\b|\bquién|\bкто\b"),
    "place": _any(
        r"\bwhere\b|\b(?:what|which) (?:city|country|state|place|town|region|river|location|continent)\b",
        r"\bwo\b|\boù\b|\bdónde\b|\bгде\b",
    ),
    "reason": _any(
        r"\bwhy\b|\bwhat (?:caused?|reasons?)\b", r"\bwarum\b|\bpourquoi\b|\bpor qué\b|\bпочему\b"
    ),
    "definition": _any(r"^\W*what (?:is|are|does .* mean|do you mean by)\b|\bdefin"),
}

_NAME = re.compile(r"\b[A-ZÀ-ÖØ-ÞА-Я][\w'’.-]+")
_HOLDS: dict[Cue, re.Pattern[str]] = {
    "person": _NAME,
    "amount": _any(
        r"(?<![\d.,])(?!(?:19|20)\d\d\b(?![.,]\d))\d[\d.,]*|[$€£¥%]",  # but no years
        r"\b(?:one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|dozen|hundred|thousand|[mb]illion)\b",
        r"\b(?:half|third|quarter|twice|several|none|zero|single|double|percent)\b",
    ),
    "date": _any(
        r"\b(?:1[0-9]{3}|20[0-9]{2})\b|\b\d{1,2}(?:st|nd|rd|th)\b|\bcentur(?:y|ies)\b",
        r"\b\d+\s+(?:days?|weeks?|months?|years?)\b|\b(?:mon|tues|wednes|thurs|fri|satur|sun)day\b",
        r"\b(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?\s+\d",
    ),
    "place": re.compile(r"\b(?:in|at|near|from|to|of|on|across|between|into)\s+(?:the\s+)?[A-ZÀ-ÖØ-Þ]\w+"),
    "reason": _any(
        r"\b(?:because|due to|owing|since|so that|in order to|as a result|caused?|reasons?|therefore)\b",
        r"\b(?:driven by|attribut\w+|lead\w* to|led to|result\w* (?:in|from)|by \w+ing)\b",
        r"\bto (?:avoid|prevent|reduce|ensure|allow)\b",
    ),
    "definition": _any(r"\b(?:is|are|was|were|means?|refers? to|called|known as|defined as)\b"),
}


_ANSWERED_BY_ROWS: frozenset[Cue | None] = frozenset({"amount", "definition", None})


def answer_cue(question: str) -> Cue | None:
    """What the question asks for; None when its words do not tell."""
    return next((cue for cue, pattern in _ASKS.items() if pattern.search(question)), None)


def fits(cue: Cue | None, sentence: str, question: str) -> float:
    """1 when the sentence holds what is asked for and the question did not say, 0 when not, 0.5 unknown."""
    if cue is None:
        return 0.5
    pattern = _HOLDS[cue]
    said = {match.group().casefold() for match in pattern.finditer(question)}
    if cue == "person":
        said |= set(
            re.findall(r"\w[\w'’.-]+", question.casefold())
        )  # an office is no person, be it in capitals
    begin = 1 if cue == "person" else 0  # a capital letter that opens a sentence makes no name
    return float(any(match.group().casefold() not in said for match in pattern.finditer(sentence, begin)))


def is_row_asked_for(cue: Cue | None, sentence: str, question: str) -> bool:
    """Whether it is the row of a table whose label names nothing but what is asked for."""
    if cue not in _ANSWERED_BY_ROWS or not is_table_row(sentence):
        return False
    label = set(terms(row_label(sentence)))
    return bool(label) and label <= set(terms(question))
