"""Picks the sentences of a long document that together tell what a question about it wants to know."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from app.chains.telling_sentences import Sentence
from app.models.reader import Reader
from app.models.terms import words

WORDS = 240
"""What people write who summarise a story of 5,000 words for a question (squality: 226 words on average)."""

_STRETCHES = 12
_CANDIDATES = 120
"""Sentences that are embedded, of all stretches alike; of the whole document the same are chosen in the end."""
# Tuned on every other question of squality: ROUGE-L .171 there and .172 on the others, before it .152 on all.
_NEARNESS = 3.0
_NARRATION = 3.0
_SPEECH = 0.5
_DIVERSITY = 0.3
_NARRATIVE_WORDS = frozenset(
    "the of and to a in that is was he his for with on as they are be at their by from has she her this it have had not"
    " but which who him when an after where into while them being all".split()
)
_QUOTED = re.compile(r"[\"“”«»]|^\W*['‘]")

Row = NDArray[np.float64]


def choose_focused(question: str, sentences: Sequence[Sentence], reader: Reader) -> list[Sentence] | None:
    """About 240 words in reading order; None without an embedding model, since words alone say too little here.

    A sentence counts by its nearness to the question, by how central it is, and by telling rather than talking:
    narration in the third person says more of what happens than speech, and stands alone.
    """
    told = np.array([_tells(sentence) for sentence in sentences])
    chosen_from = _candidates(sentences, told)
    candidates = [sentences[at] for at in chosen_from]
    vectors = reader.embed([question, *(sentence.text for sentence in candidates)])
    if vectors is None:
        return None
    rows = vectors[1:].astype(np.float64)
    alike = rows @ rows.T
    central = alike.mean(axis=1)
    merit = _NEARNESS * (rows @ vectors[0]) + central / central.max() + told[chosen_from]
    return [candidates[at] for at in sorted(_fill(merit, alike, candidates))]


def _tells(sentence: Sentence) -> float:
    said = words(sentence.text)
    narration = sum(word in _NARRATIVE_WORDS for word in said) / max(1, len(said))
    return _NARRATION * narration - _SPEECH * bool(_QUOTED.search(sentence.text))


def _candidates(sentences: Sequence[Sentence], told: Row) -> list[int]:
    """The most promising of each stretch of the document, so that none is passed over; in reading order."""
    total = len(sentences)
    frequency = Counter(term for sentence in sentences for term in sentence.bag)
    weight = {term: math.log(1 + count) * math.log(1 + total / count) for term, count in frequency.items()}
    central = np.array(
        [
            sum(weight[term] for term in sentence.bag) / math.sqrt(max(len(sentence.bag), 5))
            for sentence in sentences
        ]
    )
    promise = told + 0.5 * central / (central.max() or 1.0)
    bounds = np.linspace(0, total, _STRETCHES + 1).astype(int)
    best: list[int] = []
    for start, end in pairwise(bounds):
        best += sorted(range(start, end), key=lambda at: -promise[at])[: _CANDIDATES // _STRETCHES]
    return sorted(best)


def _fill(merit: Row, alike: Row, candidates: Sequence[Sentence]) -> list[int]:
    """The best first, then each the best unlike those before, until there are words enough."""
    chosen: list[int] = []
    nearest = np.zeros(len(merit))
    written = 0
    while written < WORDS and len(chosen) < len(candidates):
        value = merit - _DIVERSITY * nearest
        value[chosen] = -np.inf
        chosen.append(int(value.argmax()))
        nearest = np.maximum(nearest, alike[chosen[-1]])
        written += len(candidates[chosen[-1]].text.split())
    return chosen
