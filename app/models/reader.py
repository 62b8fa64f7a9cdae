"""Reads answers out of passages without a language model, and says when they hold none."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from app.errors import ModelError
from app.models.abbreviations import equivalents, expand
from app.models.asked_names import is_greeting, is_named_record, model_names, spaced, strangeness
from app.models.candidates import Passage, Sentence, gather_sentences
from app.models.confidence import (
    ANSWERABLE,
    OTHER_SCRIPTS,
    WITH_COSINE,
    WORDS_ALONE,
    Signs,
    confidence,
    named_terms,
    share_of_names,
)
from app.models.cues import Cue, answer_cue, fits, is_row_asked_for
from app.models.excerpts import Excerpt, choose_excerpts
from app.models.terms import is_mostly_latin, terms, words

Embed = Callable[[Sequence[str]], NDArray[np.float32]]

SHORTLIST = 10
"""Sentences that are embedded for one question, 3 to 8 ms of CPU each; with 16 hardly an answer more is found."""
_QUOTED_WORDS = 8
_ABOUT_SOMETHING_ELSE = 0.1
"""Confidence at most where no passage holds the model number that is asked about."""


@dataclass(frozen=True)
class Reading:
    """Excerpts best first; `confidence` in [0, 1] says how surely the passages deal with the question."""

    excerpts: tuple[Excerpt, ...]
    confidence: float
    answerable: bool


class Reader:
    """Deterministic; safe to share between threads.

    `embed` gives L2-normalised rows. The constants belong to all-MiniLM-L6-v2; without `embed`, or while it
    fails with a `ModelError`, words alone decide, a little worse.
    """

    def __init__(self, embed: Embed | None) -> None:
        self._embed = embed

    def read(self, question: str, passages: Sequence[Passage], *, limit: int = 3) -> Reading:
        """The one to `limit` excerpts that best answer the question. Blocks for some 0.1 s."""
        alike = equivalents(question)
        sentences = gather_sentences(passages, alike)
        quoted = _quoted_in(question, passages)
        if quoted:
            sentences = [sentence for sentence in sentences if sentence.source in quoted]
        titles = [set(terms(passage.title)) for passage in passages]
        wanted = _weigh_terms(question, [sentence.bag | titles[sentence.source] for sentence in sentences])
        if not sentences or not wanted or is_greeting(question):
            return Reading((), 0.0, False)
        _measure(question, wanted, sentences, passages)
        shortlist = sorted(sentences, key=lambda s: (-s.merit, s.source, s.start))[:SHORTLIST]
        is_latin = is_mostly_latin(question)  # the embedded model finds all sentences of another script alike
        has_cosines = is_latin and self._compare(question, shortlist)
        shortlist.sort(key=lambda s: (-s.merit, s.source, s.start))
        weights = WITH_COSINE if has_cosines else WORDS_ALONE if is_latin else OTHER_SCRIPTS
        certainty = confidence(_signs(question, shortlist, passages), weights)
        if all(sentence.signs["stranger"] == 1.0 for sentence in shortlist):
            certainty = min(certainty, _ABOUT_SOMETHING_ELSE)
        if quoted:
            certainty = max(certainty, ANSWERABLE)
        excerpts = choose_excerpts(shortlist, passages, limit)
        return Reading(tuple(excerpts), certainty, certainty >= ANSWERABLE)

    def embed(self, texts: Sequence[str]) -> NDArray[np.float32] | None:
        """Vectors of `texts`, or None when there is no embedding model to be had."""
        if self._embed is None:
            return None
        try:
            return self._embed(texts)
        except ModelError:
            return None

    def _compare(self, question: str, shortlist: Sequence[Sentence]) -> bool:
        vectors = self.embed([expand(question), *(sentence.text for sentence in shortlist)])
        if vectors is None:
            return False
        for sentence, cosine in zip(shortlist, vectors[1:] @ vectors[0], strict=True):
            sentence.signs["cosine"] = max(0.0, float(cosine))
        return True


def _quoted_in(question: str, passages: Sequence[Passage]) -> frozenset[int]:
    """The passages that hold the question word for word, which is then pasted from there to find its place."""
    asked = spaced(question)
    if len(asked.split()) < _QUOTED_WORDS:
        return frozenset()
    return frozenset(number for number, passage in enumerate(passages) if asked in spaced(passage.text))


def _weigh_terms(question: str, bags: Sequence[set[str]]) -> dict[str, float]:
    """The question's terms, the rarer among the sentences and their titles the heavier, adding up to 1."""
    asked = set(terms(question)) or set(words(question))
    frequency = Counter(term for bag in bags for term in bag & asked)
    raw = {term: math.log(1 + (len(bags) + 1) / (frequency[term] + 0.5)) for term in sorted(asked)}
    total = sum(raw.values())
    return {term: weight / total for term, weight in raw.items()}


def _measure(
    question: str, wanted: dict[str, float], sentences: Sequence[Sentence], passages: Sequence[Passage]
) -> None:
    """Set every sign but the cosine, which is dear."""
    cue: Cue | None = answer_cue(question)
    full, asked, names = expand(question), spaced(question), model_names(question)
    titles = [set(terms(passage.title)) for passage in passages]
    core = wanted.keys() - named_terms(question)
    about = [spaced(f"{passage.title} {passage.text}") if names else "" for passage in passages]
    everything = [set(title) for title in titles]
    for sentence in sentences:
        everything[sentence.source] |= sentence.bag
    covered = [_share(wanted, bag) for bag in everything]
    best = max(passage.score for passage in passages) or 1.0
    for sentence in sentences:
        passage, title = passages[sentence.source], titles[sentence.source]
        sentence.is_echo = sentence.bag <= wanted.keys()
        own = sentence.bag | title  # a report on Amazon need not repeat the name
        before = sentence.before
        coverage, near = (
            _share(wanted, own),
            f"{passage.title} {before.text if before else ''} {sentence.text}",
        )
        sentence.signs = {
            "coverage": coverage,
            "own": _share(wanted, sentence.bag),
            "context": _share(wanted, own | (before.bag if before else set())),
            "passage": covered[sentence.source],
            "evidence": passage.score / best,
            "cue": 0.0 if sentence.is_chart else fits(cue, sentence.text, full),
            "row": coverage if is_row_asked_for(cue, sentence.text, question) else 0.0,
            "named": coverage if is_named_record(sentence.text, asked) else 0.0,
            "beside": float(core.isdisjoint(sentence.bag | (before.bag if before else set())))
            if core
            else 0.0,
            "stranger": strangeness(names, spaced(near), about[sentence.source]) if names else 0.0,
        }


def _signs(question: str, ranked: Sequence[Sentence], passages: Sequence[Passage]) -> Signs:
    return Signs(
        cosine=max(sentence.signs.get("cosine", 0.0) for sentence in ranked),
        context=ranked[0].signs["context"],
        passage=max(sentence.signs["passage"] for sentence in ranked),
        names=share_of_names(question, (f"{passage.title} {passage.text}" for passage in passages)),
    )


def _share(wanted: dict[str, float], bag: set[str]) -> float:
    return sum(weight for term, weight in wanted.items() if term in bag)
