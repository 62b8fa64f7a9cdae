"""Chooses what a summary is about: the documents that the question names, else the one just talked about, else all.

A question that names something else is left to a search: "summarise the document about dinosaurs".
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache

from app.chains.request_grammar import read_cues
from app.chains.route_words import FRAMES, PHRASES, WORDS
from app.models.terms import STOPWORDS, fold, stem, terms
from app.schemas import DocumentInfo

_WORD = re.compile(r"[^\W_]+")
_SECTION = re.compile(
    r"\b(?:section|chapter|part|heading|abschnitt|kapitel|teil|secci[oó]n|cap[ií]tulo)\b", re.IGNORECASE
)
_ENDING = re.compile(r"\.\w{1,5}$")
_REQUEST_CLASSES = "SNTAeZEGLlPKQIJFBOWhp"
"""Word classes of `route_words` that only say what is to be done; its kinds of text, D, may name a document."""
_SEVERAL = "Q"
_BESIDE_THE_SUBJECT = frozenset(
    "sentence sentences word words bullet bullets paragraph paragraphs line lines page pages satz satze satzen"
    " worten stichpunkten phrases frases mots palabras lignes english german french spanish deutsch francais espanol"
    " collection uploaded library corpus sammlung coleccion contents"
    " kurz zusammen favor plait alles tout todo parlent".split()
)
"""Further words that tell how to answer, or that mean the whole collection."""
_ANY_TEXT = re.compile(r"do[ck]|file|text|pdf|datei|fichier|archivo|upload|material|source")
_PLURAL = re.compile(r".*(?:[^s]s|dokumenten?|dateien|vertragen?|berichten?)")
_POINTING = frozenset("it this that es ihn dieses dieser diesen".split())
_COLLECTION = frozenset("collection library corpus sammlung coleccion alles tout todo".split())
MOST_UNNAMED = 5
"""Documents up to which a request that names none of them means all: more are an hour's reading, not a gist."""
_NAMED = 0.6
"""Share of a name's telling words that a question must hold to name the document for certain."""
_JOINED = 3
"""Up to so many neighbouring words are also compared as one: "American Express" is "AMERICANEXPRESS"."""


def choose_documents(
    question: str, available: Sequence[DocumentInfo], *, recently_cited: Sequence[str] = ()
) -> tuple[DocumentInfo, ...]:
    """Pick what to summarise from the documents of a collection; none means "choose by retrieval".

    None are picked when the question holds words beyond the request that no name explains; all are, when it holds
    no such words. `recently_cited` are document ids, latest first: "summarise it" after an answer means the document
    of that answer.
    """
    asked = _Asked(question)
    if named := _named(asked, available):
        return named
    if asked.subject:
        return ()
    if asked.refers_back:
        by_id = {document.document_id: document for document in available}
        for document_id in recently_cited:
            if document_id in by_id:
                return (by_id[document_id],)
    if len(available) > 1 and any(not _ANY_TEXT.match(word) for word in asked.kinds):
        return ()
    return tuple(available)


def is_for_all(question: str) -> bool:
    """Whether the request says that it means several documents or the whole collection."""
    asked = _Asked(question)
    return asked.is_several or not _COLLECTION.isdisjoint(asked.words)


def choose_section(question: str, sections: Sequence[str]) -> str | None:
    """The section that a request means: the longest heading of which it holds every telling word, beside that word."""
    if not _SECTION.search(question):
        return None
    asked = set(terms(question))
    meant = [section for section in sections if len(set(terms(section))) > 0 and set(terms(section)) <= asked]
    return max(meant, key=len, default=None)


@dataclass(frozen=True)
class _Asked:
    """A question's words by their part in the request."""

    question: str

    @cached_property
    def words(self) -> list[str]:
        text = fold(self.question).replace("’", "'")
        for pattern, word in _phrases():
            text = pattern.sub(f" {word} ", text)
        return _WORD.findall(_frames().sub("", text))

    @cached_property
    def subject(self) -> frozenset[str]:
        """What is neither request nor kind of text."""
        misspelt = {cue.words.split()[-1] for cue in read_cues(self.question) if cue.agent == "summarize"}
        return frozenset(
            word
            for word in self.words
            if _class_of(word) not in (*_REQUEST_CLASSES, "D")
            and word not in STOPWORDS | _BESIDE_THE_SUBJECT | misspelt
            and not (len(word) == 1 or (word.isdigit() and len(word) < 3))
        )

    @cached_property
    def kinds(self) -> frozenset[str]:
        return frozenset(word for word in self.words if _class_of(word) == "D")

    @cached_property
    def runs(self) -> dict[str, frozenset[str]]:
        """Words, single and joined, by which it may name a document, with those of them that a name has to explain."""
        sought = self.subject | (self.kinds - STOPWORDS)
        return {run: words & sought for run, words in _runs(self.words).items() if words & sought}

    @property
    def is_several(self) -> bool:
        return any(_class_of(word) == _SEVERAL for word in self.words) or any(
            map(_PLURAL.fullmatch, self.kinds)
        )

    @property
    def refers_back(self) -> bool:
        """Whether it points at one document without naming it; "all" and plurals mean every document."""
        return not self.is_several and bool(self.kinds or _POINTING.intersection(self.words))


@dataclass(frozen=True)
class _Match:
    document: DocumentInfo
    words: frozenset[str]
    """Words of the question that the name explains."""
    share: float
    """Of the name's telling words, those that the question holds; years and codes are not required."""


def _named(asked: _Asked, available: Sequence[DocumentInfo]) -> tuple[DocumentInfo, ...]:
    """Those whose name is spelt out, else those that explain most of the question; partly named ones if unique."""
    if spelt := tuple(document for document in available if fold(document.name) in fold(asked.question)):
        return spelt
    matches = [match for document in available if (match := _match(asked, document)).words]
    best = [match for match in matches if not any(match.words < other.words for other in matches)]
    certain = any(match.share >= _NAMED for match in best)
    return tuple(match.document for match in best if _is_meant(match, best, asked, certain))


def _is_meant(match: _Match, best: Sequence[_Match], asked: _Asked, certain: bool) -> bool:
    if match.words <= asked.kinds and asked.subject.difference(*(other.words for other in best)):
        return False
    if match.share >= _NAMED:
        return True
    if certain and not match.words & asked.kinds:
        return False
    return asked.is_several or sum(other.words == match.words for other in best) == 1


def _match(asked: _Asked, document: DocumentInfo) -> _Match:
    name = _WORD.findall(fold(_ENDING.sub("", document.name)))
    telling = {word for word in name if word not in STOPWORDS and not any(map(str.isdigit, word))}
    of_name = _runs(name)
    explained: set[str] = set()
    held: set[str] = set()
    for run in of_name.keys() & asked.runs.keys():
        explained |= asked.runs[run]
        held |= of_name[run]
    return _Match(document, frozenset(explained), len(held & telling) / len(telling) if telling else 1.0)


def _runs(words: Sequence[str]) -> dict[str, frozenset[str]]:
    """Words by their stems, and by what they are when written together with their neighbours."""
    runs = {form: frozenset((word,)) for word in words for form in (word, stem(word))}
    for length in range(2, _JOINED + 1):
        for start in range(len(words) - length + 1):
            run = words[start : start + length]
            runs.setdefault("".join(run), frozenset(run))
    return runs


@lru_cache(maxsize=4_096)  # strangers choose the words
def _class_of(word: str) -> str:
    for letter, entries in WORDS.items():
        if any(
            word.startswith(entry[:-1]) if entry[-1] == "*" else word == entry for entry in entries.split()
        ):
            return letter
    return ""


@cache
def _phrases() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple((re.compile(rf"\b(?:{'|'.join(phrases)})\b"), word) for word, phrases in PHRASES.items())


@cache
def _frames() -> re.Pattern[str]:
    return re.compile(rf"^(?:(?:{'|'.join(FRAMES)})\W*)+")
