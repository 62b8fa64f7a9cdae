"""The sentences among which the reader looks for an answer, and what speaks for each of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from app.models.abbreviations import Equivalents
from app.models.sentences import is_chart, is_figures, is_record, split_sentences
from app.models.terms import terms

# How much each sign counts that a sentence holds the answer; all lie in [0, 1]. A softmax over the sentences
# of six passages, fitted on 165 answerable questions of SQuAD 2 and checked on 164 others: for 79 % the first sentence
# holds the answer, as it did without `own`, the share that a sentence says itself, be its document's name what it may.
_WEIGHTS = {
    "coverage": 3.0,
    "context": 3.1,
    "passage": 1.2,
    "cosine": 3.6,
    "evidence": 2.0,
    "cue": 0.7,
    "own": 2.9,
    "row": 1.5,  # not fitted, nor the following: SQuAD has no tables, no records and no model numbers
    "named": 2.0,
    "stranger": -3.0,
    "beside": -1.0,  # says nothing of what is asked, only whom or what it is asked about
}
# A heading names what is asked for and answers nothing, a chart's labels do not say which number belongs to
# what; SQuAD has neither.
_LABEL_PENALTY = 3.0
_NUMBERING = re.compile(r"^\W*(?:\d+[.)])*(?:\d+\s)?\s*")
_RULE = re.compile(r"[\s|:+=-]+")
_SAME = 0.85
"""Share of a sentence's terms from which it says what another one has said."""


@dataclass(frozen=True)
class Passage:
    """A text to read, how well retrieval rated it in [0, 1], and what it is about (document, section)."""

    text: str
    score: float
    title: str = ""


@dataclass
class Sentence:
    """`passages[source].text[start:end]`, with the sentence before it, if there is one."""

    source: int
    start: int
    end: int
    text: str
    before: Sentence | None
    bag: set[str]
    is_chart: bool
    is_header: bool = False
    is_echo: bool = False
    signs: dict[str, float] = field(default_factory=dict)

    def is_said_in(self, text: str) -> bool:
        return len(self.bag & set(terms(text))) >= _SAME * len(self.bag)

    @property
    def is_label(self) -> bool:
        """Whether it is a heading, the head of a table, belongs to a chart, or repeats words of the question only."""
        text = _NUMBERING.sub("", self.text)
        if self.is_chart or self.is_header or not text or text[-1] == ":":
            return True
        return text[-1].isalnum() and (self.is_echo or not any(character.isdigit() for character in text))

    @property
    def merit(self) -> float:
        signs = sum(weight * self.signs.get(sign, 0.0) for sign, weight in _WEIGHTS.items())
        return signs - _LABEL_PENALTY if self.is_label else signs


def gather_sentences(passages: Sequence[Passage], alike: Equivalents) -> list[Sentence]:
    """All sentences that hold a word; terms of the question that a sentence has in another form count as its own."""
    found: list[Sentence] = []
    for source, passage in enumerate(passages):
        before: Sentence | None = None
        for start, end in split_sentences(passage.text):
            text = passage.text[start:end]
            bag = set(terms(text)).union(*(known for form, known in alike if form.search(text)))
            if bag:
                sentence = Sentence(source, start, end, text, before, bag, is_chart(text))
                found.append(sentence)
                if not is_figures(text):  # an axis stands between a chart's caption and what is said of it
                    before = sentence
            elif before is not None and "|" in text and _RULE.fullmatch(text):
                before.is_header = True
    return found


def is_fragment(sentence: Sentence) -> bool:
    return sentence.text[0].islower() and not is_record(sentence.text)
