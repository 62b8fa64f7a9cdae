"""Proposes what could be asked next: questions that the documents answer and the conversation has not asked.

They are written from what was read for the answer and is not cited in it, without a model. Each is tried out on the
passage that it was written from, by words alone: reading all evidence again would cost as much as the answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from app.chains.injection import find_suspicions
from app.chains.question_sources import WRITTEN, Candidate, find_candidates, small_words
from app.chains.records import Evidence
from app.knowledge.languages import ENGLISH, likely_languages
from app.knowledge.records import Chunk, Hit
from app.models.candidates import Passage
from app.models.cues import answer_cue
from app.models.reader import Reader
from app.models.terms import is_mostly_latin, terms
from app.schemas import Citation

MOST = 3

_READ_CHUNKS = 3
_TRIED = 6
"""Candidates that are tried out, some 0.5 ms of CPU each."""
_BEGINNING = 400
"""Characters by which the language of a text is told."""
_MOST_OF_A_KIND = 2
"""Of those that are made by a template, since they sound alike."""
_SURE = 0.9
"""Confidence by words alone from which a question is proposed."""
_AROUND_CHARS = 150
_SECTION_CHARS = 600
_ALIKE = 0.7
_MOST_ALIKE = 0.5
"""Shares of common words from which two questions ask the same, and from which only one of both is proposed."""
_DISTINCT_CUES = frozenset({"person", "date", "amount", "place", "reason"})

_reader = Reader(None)


def suggest(
    asked: Sequence[str], answer: str, evidence: Evidence, citations: Sequence[Citation]
) -> list[str]:
    """At most three questions in the order of their worth; none unless the last of `asked` is in English.

    `asked` are the questions of the conversation; `evidence` what was read, best first, all that is cited included.
    """
    if not asked or not _is_english(asked[-1]):
        return []
    read = _nearest_first(evidence, citations)
    worth = _Worth(set(terms(f"{asked[-1]} {answer}")), citations, read)
    fit: dict[str, bool] = {}
    chosen: list[Candidate] = []
    tried = 0
    for candidate in sorted(_gather(read, citations), key=worth.of, reverse=True):
        if len(chosen) == MOST or tried == _TRIED:
            break
        if worth.is_related(candidate) and _is_new(candidate, asked, chosen):
            tried += 1
            chunk = candidate.chunk
            if chunk.chunk_id not in fit:
                fit[chunk.chunk_id] = _is_fit(chunk, citations)
            chosen += [candidate] if fit[chunk.chunk_id] and _is_answered(candidate) else []
    return [candidate.question for candidate in chosen]


@dataclass(frozen=True)
class _Worth:
    """How much a candidate is worth: more near what the answer cites, and about what was `spoken` of."""

    spoken: set[str]
    citations: Sequence[Citation]
    read: Sequence[Hit]

    def of(self, candidate: Candidate) -> float:
        hit = next(hit for hit in self.read if hit.chunk is candidate.chunk)
        return (
            candidate.merit
            + 0.6 * self._is_cited(hit.chunk)
            + 0.2 * any(citation.document_id == hit.chunk.document_id for citation in self.citations)
            + 0.2 * min(len(self._common(candidate)), 3)
            + 0.5 * hit.score / max(1e-6, *(other.score for other in self.read))
        )

    def is_related(self, candidate: Candidate) -> bool:
        return self._is_cited(candidate.chunk) or bool(self._common(candidate))

    def _is_cited(self, chunk: Chunk) -> bool:
        return any(_is_within(citation, chunk) for citation in self.citations)

    def _common(self, candidate: Candidate) -> set[str]:
        return self.spoken.intersection(_bag(candidate.question))


def _nearest_first(evidence: Evidence, citations: Sequence[Citation]) -> list[Hit]:
    """The few that are read: those with citations before the others."""
    cited = [hit for hit in evidence if any(_is_within(citation, hit.chunk) for citation in citations)]
    return [*cited, *(hit for hit in evidence if hit not in cited)][:_READ_CHUNKS]


def _is_within(citation: Citation, chunk: Chunk) -> bool:
    is_here = chunk.char_start <= citation.char_start < chunk.char_end
    return is_here and citation.document_id == chunk.document_id


def _is_english(text: str) -> bool:
    return is_mostly_latin(text[:_BEGINNING]) and ENGLISH in likely_languages(text)


def _is_fit(chunk: Chunk, citations: Sequence[Citation]) -> bool:
    """Whether a question may be made of its words, which the reader then asks in their own name.

    A chunk that is cited has been looked at for what is suspicious about it.
    """
    flags = [citation.flags for citation in citations if _is_within(citation, chunk)]
    is_suspicious = any(flags) if flags else bool(find_suspicions(chunk.text))
    return not is_suspicious and _is_english(chunk.text)


def _gather(read: Sequence[Hit], citations: Sequence[Citation]) -> Iterator[Candidate]:
    """What could be asked of the passages, without what the answer has just cited."""
    common = small_words("\n".join(hit.chunk.text for hit in read))
    for chunk in (hit.chunk for hit in read):
        cited = [
            (citation.char_start - chunk.char_start, citation.char_end - chunk.char_start)
            for citation in citations
            if citation.document_id == chunk.document_id
        ]
        for found in find_candidates(chunk, common):
            if not any(start < found.end and found.start < end for start, end in cited):
                yield found


def _is_new(candidate: Candidate, asked: Sequence[str], chosen: Sequence[Candidate]) -> bool:
    """Whether it was neither asked nor is proposed already, by another question or one about the same sentence."""
    if any(_is_same(candidate.question, question) for question in asked):
        return False
    alike = Counter(other.merit for other in chosen)[candidate.merit]
    if candidate.merit < WRITTEN and alike == _MOST_OF_A_KIND:
        return False
    return not any(
        (candidate.chunk is other.chunk and candidate.start < other.end and other.start < candidate.end)
        or _likeness(candidate.question, other.question) > _MOST_ALIKE
        for other in chosen
    )


def _is_same(question: str, asked: str) -> bool:
    """Whether both ask for the same; who did something is not when it was done."""
    cues = {answer_cue(question), answer_cue(asked)}
    if len(cues) == 2 and cues <= _DISTINCT_CUES:
        return False
    return _bag(question) <= _bag(asked) or _likeness(question, asked) >= _ALIKE


def _likeness(question: str, other: str) -> float:
    one, two = _bag(question), _bag(other)
    return len(one & two) / max(1, len(one | two))


@lru_cache(maxsize=256)
def _bag(question: str) -> frozenset[str]:
    return frozenset(terms(question))


def _is_answered(candidate: Candidate) -> bool:
    """Whether the reader surely finds the answer, and where it is, in that place and what stands around it."""
    chunk = candidate.chunk
    begin, end = max(0, candidate.start - _AROUND_CHARS), min(candidate.end, candidate.start + _SECTION_CHARS)
    passage = Passage(
        chunk.text[begin : end + _AROUND_CHARS], 1.0, f"{chunk.document_name} {chunk.section or ''}"
    )
    reading = _reader.read(candidate.question, [passage])
    is_there = any(
        begin + excerpt.start < end and candidate.start < begin + excerpt.end for excerpt in reading.excerpts
    )
    return is_there and reading.confidence >= _SURE
