"""How surely some passages deal with a question: the demo engine refuses below one half.

The weights are logistic regressions over the top six passages of 840 questions against their own collection and 1,036
against a foreign one, weighted equally: SQuAD 2, XQuAD and HotpotQA, with Cranfield's and the reports' questions as
foreign ones. Share of SQuAD's own questions / of foreign ones against SQuAD that is refused below a confidence of

    0.3: 1 % / 94 %      0.5: 3 % / 98.7 %      0.7: 7.5 % / 100 %      by words alone, 0.5: 8 % / 94 %
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from typing import NamedTuple

from app.models.terms import terms

ANSWERABLE = 0.5

_NAME_OR_NUMBER = re.compile(r"(?<=[\w,;:)\"'’ ])\b[A-ZÀ-ÖØ-ÞА-Я][\w'’-]*|\d[\d.,]*")


class Signs(NamedTuple):
    """What speaks for the passages; all in [0, 1]."""

    cosine: float  # of the question and the nearest sentence
    context: float  # how much of the question the best sentence and what stands around it cover
    passage: float  # how much of it the best passage covers
    names: float  # how many of its names and numbers occur at all
    constant: float = 1.0


WITH_COSINE = Signs(6.3, 3.6, 3.3, 1.2, -6.5)
WORDS_ALONE = Signs(0.0, 5.2, 4.7, 2.2, -5.4)
OTHER_SCRIPTS = WORDS_ALONE._replace(constant=-4.5)
"""Scripts that the embedded model cannot read: words that inflect more cover less of a question. XQuAD's Russian and
Chinese: 5 % of own and 82 to 100 % of foreign questions are refused."""


def confidence(signs: Signs, weights: Signs) -> float:
    """In [0, 1]; `weights` is one of the constants above."""
    return 1 / (1 + math.exp(-sum(weight * sign for weight, sign in zip(weights, signs, strict=True))))


def share_of_names(question: str, texts: Iterable[str]) -> float:
    """How many of the names and numbers in the question occur in the texts; 1 if it holds none."""
    names = named_terms(question)
    if not names:
        return 1.0
    present = {term for text in texts for term in terms(text)}
    return len(names & present) / len(names)


def named_terms(question: str) -> set[str]:
    """The terms of its names and numbers, by which it says what it is about, not what is asked of it."""
    return {term for match in _NAME_OR_NUMBER.finditer(question) for term in terms(match.group())}
