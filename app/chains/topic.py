"""Keeps the topic of a conversation with a follow-up that leans on it and says nothing of it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.chains.records import Turn
from app.models.terms import terms

_ASKING = re.compile(
    r"^\W*(?:(?:and|but|so|und|aber|et|mais|y|pero),? )?(?:(?:since|by|until|from|for|at|in|with|of) )?"
    r"(?:what|when|where|why|how|who|whom|whose|which)\b",
    re.IGNORECASE,
)
_LEANING = re.compile(
    r"\b(?:it|its|they|them|their|theirs|he|she|his|hers?|him|ones?)\b|\bthere(?= in\b| at\b| on\b|\W*$)",
    re.IGNORECASE,
)
_NAME = re.compile(r"(?<=[a-zß-ÿ0-9,'’] )[A-ZÀ-Þ]")
_WORD = re.compile(r"[\w’'-]+")
_SHORT = 3
"""Words up to which a question cannot stand alone: "Since when?"."""


def keep_topic(question: str, carried: str, history: Sequence[Turn]) -> str:
    """`carried`, what the rules made of a follow-up, with the words of the question before it when it has none of them.

    Figures and years do not count as the topic: a follow-up often names another one. What names something itself is
    left alone, and so are requests: "summarise it" is for whoever chooses the document.
    """
    leans = _LEANING.search(question) is not None or len(question.split()) <= _SHORT
    if not history or not leans or not _ASKING.match(question) or _NAME.search(question):
        return carried
    before = history[-1].question
    topic = {term for term in terms(before) if not term[0].isdigit()}
    if topic & set(terms(carried)):
        return carried
    words = [word for word in _WORD.findall(before) if set(terms(word)) and set(terms(word)) <= topic]
    return f"{carried} ({' '.join(words)})" if words else carried
