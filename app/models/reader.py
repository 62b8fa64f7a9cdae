"""Reads answers out of passages without a language model, and says when they hold none."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from app.errors import ModelError
from app.models.confidence import (
    ANSWERABLE,
    OTHER_SCRIPTS,
    WITH_COSINE,
    WORDS_ALONE,
    Signs,
    confidence,
    share_of_names,
)
from app.models.cues import Cue, answer_cue, fits, is_row_asked_for
from app.models.sentences import is_chart, is_figures, is_record, split_sentences
from app.models.terms import is_mostly_latin, terms, words

Embed = Callable[[Sequence[str]], NDArray[np.float32]]

SHORTLIST = 10
"""Sentences that are embedded for one question, 3 to 8 ms of CPU each; with 16 hardly an answer more is found."""

# How much each sign counts that a sentence holds the answer; all lie in [0, 1]. A softmax over the sentences
# of six passages, fitted on 350 answerable questions of SQuAD 2 and checked on 350 others: the first sentence
# holds the answer for 75 %, one of the first three for 90 %.
_SENTENCE_WEIGHTS = {
    "coverage": 3.5,
    "context": 3.0,
    "passage": 2.2,
    "cosine": 4.0,
    "evidence": 1.25,
    "cue": 0.7,
    "row": 1.5,  # not fitted: SQuAD has no tables
}
# A heading names what is asked for and answers nothing, a chart's labels do not say which number belongs to
# what; SQuAD has neither.
_LABEL_PENALTY = 2.0

# The excerpts end when they probably hold the answer, or when the next one probably does not.
_ENOUGH_PROBABILITY = 0.8
_LEAST_PROBABILITY = 0.05

_ANAPHOR = re.compile(
    r"(?:it|its|he|she|they|his|her|their|this|these|those|such|both|the (?:former|latter|same)|also|however"
    r"|therefore|thus|then|but|and)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Passage:
    """A text to read, how well retrieval rated it in [0, 1], and what it is about (document, section)."""

    text: str
    score: float
    title: str = ""


@dataclass(frozen=True)
class Excerpt:
    """A sentence, or two that belong together; `text == passages[source].text[start:end]`."""

    source: int
    start: int
    end: int
    text: str
    score: float


@dataclass(frozen=True)
class Reading:
    """Excerpts best first; `confidence` in [0, 1] says how surely the passages deal with the question."""

    excerpts: tuple[Excerpt, ...]
    confidence: float
    answerable: bool


@dataclass
class _Sentence:
    source: int
    start: int
    end: int
    text: str
    before: _Sentence | None
    bag: set[str]
    is_chart: bool
    signs: dict[str, float] = field(default_factory=dict)

    def repeats(self, excerpt: Excerpt) -> bool:
        """Whether the sentence is part of the excerpt, or says the same in another place."""
        if self.source == excerpt.source and excerpt.start <= self.start < excerpt.end:
            return True
        return self.bag <= set(terms(excerpt.text))

    @property
    def is_label(self) -> bool:
        """Whether it is a heading or belongs to a chart."""
        if self.text[-1] == ":" or self.is_chart:
            return True
        return self.text[-1].isalpha() and not any(character.isdigit() for character in self.text)

    @property
    def merit(self) -> float:
        signs = sum(weight * self.signs.get(sign, 0.0) for sign, weight in _SENTENCE_WEIGHTS.items())
        return signs - _LABEL_PENALTY if self.is_label else signs


class Reader:
    """Deterministic; safe to share between threads.

    `embed` gives L2-normalised rows. The constants belong to all-MiniLM-L6-v2; without `embed`, or while it
    fails with a `ModelError`, words alone decide, a little worse.
    """

    def __init__(self, embed: Embed | None) -> None:
        self._embed = embed

    def read(self, question: str, passages: Sequence[Passage], *, limit: int = 3) -> Reading:
        """The one to `limit` excerpts that best answer the question. Blocks for some 0.1 s."""
        sentences = _sentences(passages)
        wanted = _weigh_terms(question, sentences)
        if not sentences or not wanted:
            return Reading((), 0.0, False)
        _measure(question, wanted, sentences, passages)
        shortlist = sorted(sentences, key=lambda s: (-s.merit, s.source, s.start))[:SHORTLIST]
        is_latin = is_mostly_latin(question)  # the embedded model finds all sentences of another script alike
        has_cosines = is_latin and self._compare(question, shortlist)
        shortlist.sort(key=lambda s: (-s.merit, s.source, s.start))
        weights = WITH_COSINE if has_cosines else WORDS_ALONE if is_latin else OTHER_SCRIPTS
        certainty = confidence(_signs(question, shortlist, passages), weights)
        return Reading(tuple(_choose(shortlist, passages, limit)), certainty, certainty >= ANSWERABLE)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """Vectors of `texts`, or None when there is no embedding model to be had."""
        if self._embed is None:
            return None
        try:
            return self._embed(texts)
        except ModelError:
            return None

    def _compare(self, question: str, shortlist: Sequence[_Sentence]) -> bool:
        vectors = self.embed([question, *(sentence.text for sentence in shortlist)])
        if vectors is None:
            return False
        for sentence, cosine in zip(shortlist, vectors[1:] @ vectors[0], strict=True):
            sentence.signs["cosine"] = max(0.0, float(cosine))
        return True


def _sentences(passages: Sequence[Passage]) -> list[_Sentence]:
    found: list[_Sentence] = []
    for source, passage in enumerate(passages):
        before: _Sentence | None = None
        for start, end in split_sentences(passage.text):
            text = passage.text[start:end]
            if bag := set(terms(text)):
                sentence = _Sentence(source, start, end, text, before, bag, is_chart(text))
                found.append(sentence)
                if not is_figures(
                    text
                ):  # an axis stands between the caption of a chart and what is said of it
                    before = sentence
    return found


def _weigh_terms(question: str, sentences: Sequence[_Sentence]) -> dict[str, float]:
    """The question's terms, the rarer among the sentences the heavier, adding up to 1."""
    asked = set(terms(question)) or set(words(question))
    frequency = Counter(term for sentence in sentences for term in sentence.bag & asked)
    raw = {term: math.log(1 + (len(sentences) + 1) / (frequency[term] + 0.5)) for term in sorted(asked)}
    total = sum(raw.values())
    return {term: weight / total for term, weight in raw.items()}


def _measure(
    question: str, wanted: dict[str, float], sentences: Sequence[_Sentence], passages: Sequence[Passage]
) -> None:
    """Set every sign but the cosine, which is dear."""
    cue: Cue | None = answer_cue(question)
    titles = [set(terms(passage.title)) for passage in passages]
    everything = [set(title) for title in titles]
    for sentence in sentences:
        everything[sentence.source] |= sentence.bag
    covered = [_share(wanted, bag) for bag in everything]
    best = max(passage.score for passage in passages) or 1.0
    for sentence in sentences:
        own = sentence.bag | titles[sentence.source]  # a report on Amazon need not repeat the name
        near = own | (sentence.before.bag if sentence.before else set())
        sentence.signs = {
            "coverage": _share(wanted, own),
            "context": _share(wanted, near),
            "passage": covered[sentence.source],
            "evidence": passages[sentence.source].score / best,
            "cue": 0.0 if sentence.is_chart else fits(cue, sentence.text, question),
            "row": _share(wanted, own) if is_row_asked_for(cue, sentence.text, question) else 0.0,
        }


def _signs(question: str, ranked: Sequence[_Sentence], passages: Sequence[Passage]) -> Signs:
    return Signs(
        cosine=max(sentence.signs.get("cosine", 0.0) for sentence in ranked),
        context=ranked[0].signs["context"],
        passage=max(sentence.signs["passage"] for sentence in ranked),
        names=share_of_names(question, (f"{passage.title} {passage.text}" for passage in passages)),
    )


def _share(wanted: dict[str, float], bag: set[str]) -> float:
    return sum(weight for term, weight in wanted.items() if term in bag)


def _choose(ranked: Sequence[_Sentence], passages: Sequence[Passage], limit: int) -> list[Excerpt]:
    odds = [math.exp(sentence.merit - ranked[0].merit) for sentence in ranked]
    chosen: list[Excerpt] = []
    certainty = 0.0
    for sentence, odd in zip(ranked, odds, strict=True):
        probability = odd / sum(odds)
        if chosen and (certainty >= _ENOUGH_PROBABILITY or probability < _LEAST_PROBABILITY):
            break
        certainty += probability
        if not any(sentence.repeats(excerpt) for excerpt in chosen):
            chosen.append(_excerpt(sentence, passages[sentence.source], probability))
    return chosen[:limit]


def _excerpt(sentence: _Sentence, passage: Passage, probability: float) -> Excerpt:
    start = sentence.start
    is_fragment = sentence.text[0].islower() and not is_record(sentence.text)
    needs_context = is_fragment or _ANAPHOR.match(sentence.text)
    if (
        needs_context
        and sentence.before is not None
        and len(sentence.before.text) + len(sentence.text) <= 600
    ):
        start = sentence.before.start
    return Excerpt(sentence.source, start, sentence.end, passage.text[start : sentence.end], probability)
