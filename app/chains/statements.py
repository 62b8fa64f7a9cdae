"""Reads an English statement as subject, verb and rest where it is clearly of that shape, so that it can be asked."""

from __future__ import annotations

import re
from collections.abc import Sequence, Set
from dataclasses import dataclass
from itertools import islice

from app.chains.verb_forms import AUXILIARIES, Verb, read_verb

TO_BE = ("is", "are", "was", "were")
PREPOSITIONS = frozenset(
    "in on at by for from to of with after before during until under over about between among through within than"
    " into and or as near across against".split()
)

_WORDS = range(4, 33)
_SUBJECT_WORDS = 9

_NUMBERING = re.compile(r"^(?:\(?\d+(?:\.\d+)*[.)]?|[•▪◦*–—-])\s+")
_OPENING_TIME = re.compile(
    r"(?:In|On|By|Since) (?:(?:early|late|mid|the year) )?"
    r"(?:\d\d? )?(?:[A-Z][a-z]+ )?(?:\d\d?, )?(?:1\d|20)\d\d, "
)
_ENDS_CLAUSE = re.compile(
    r",\s|\s(?:and (?:the|a|an|it|they|he|she|we|was|is|are|were|has|had|in|by)|but|because|so that|which|who"
    r"|where|whose|while|although|unless|compared with|due to|in order to)\s"
)
_REASON = re.compile(r"\s(?:because|due to|in order to)\s")
_LIST_GOES_ON = re.compile(
    r", (?!which|who|where|whose|while|including|of|as|but|and|or|with|compared|so|an?\b|the\b|in|on|at|by|for|to|from"
    r"|although|though|when|until|since|if|unless|because|due|nor|up|down|one|two|three|four|five|six|seven|eight"
    r"|nine|ten|[a-z]+(?:ed|ing|ly)\b|[a-z]+ than)[a-z]+\b"
)
_NO_STATEMENT = re.compile(
    r"[()\[\]{}\"“”„«»|:;?!…/@*_<>±=—]|--| – |\.\s|\b(?:not|never|no|nor|n't|hereby|herein)\b", re.IGNORECASE
)
_NO_SUBJECT = re.compile(
    r"(?:in|on|at|by|for|from|to|of|with|after|before|during|until|under|over|about|between|among|through|within"
    r"|without|despite|besides|according|given|if|when|while|although|because|since|as|where|how|what|why|whether|and"
    r"|but|or|nor|yet|up|only|around|nearly|more|less|fewer|please|let|most|many|some|few|several|all|any|every"
    r"|everything|nothing|nobody|unlike|like)\b",
    re.IGNORECASE,
)
_NO_SUBJECT_WITHIN = re.compile(
    r"[a-z]ed (?:the|an?|that) |(?<!\bof|\bin|\bon|\bat|\bto|\bby)(?<!and|for)(?<!from|with|than|over) (?:the|an?) "
)
"""A verb that is not known, or two things side by side."""
_PARTICIPLE = (
    r"(?:[a-z]+ed|been|become|begun|born|bought|broken|brought|built|chosen|come|cut|drawn|driven|fallen|found|given"
    r"|grown|held|hidden|kept|known|laid|led|left|lost|made|met|paid|put|risen|run|seen|sent|set|shown|sold|spent"
    r"|taken|taught|told|won|written)\b"
)
_NO_NAME = re.compile(r"[A-Z][a-z]{3,}(?<!an)(?<![aius])s|[A-Z][a-z]+-[a-z]+")
"""Plurals, but those of nations, and words put together: names seldom look so."""
_ARTICLES = frozenset("the a an your each either neither both".split())
_BEFORE_NOUNS = frozenset("the a an of to and or for in".split())
_DETERMINERS = frozenset("the a an its their another every each".split())
_ELSEWHERE = frozenset("and or than whether that how if".split())


@dataclass(frozen=True)
class Statement:
    """`subject` as it stands within a sentence, `rest` up to the end of the clause.

    `opening`: it began with the time of what it says; `gives_reason`: why it is so follows behind it.
    """

    subject: str
    verb: str
    forms: Verb
    rest: str
    opening: bool
    gives_reason: bool

    @property
    def tells_deed(self) -> bool:
        """Whether something is done, by the subject or to it, so that an amount or a time is that of the deed."""
        return self.verb not in TO_BE or re.match(rf"(?:[a-z]+ly )?{_PARTICIPLE}", self.rest) is not None

    def ask(self, asking: str, *parts: str) -> str:
        """The question with the verb split round the subject: "when did Larkfield open the laboratory"."""
        words = [asking, self.forms.auxiliary, self.subject, self.forms.base, *parts]
        return " ".join(" ".join(words).split())

    def around(self, asked: re.Match[str] | None) -> tuple[str, str] | None:
        """What stands before and behind a part of the rest; None where that belongs to another verb or to a noun."""
        if asked is None:
            return None
        before, after = self.rest[: asked.start()].strip(), self.rest[asked.end() :].strip()
        words = before.split()
        has_verb = self.forms.base and any(map(read_verb, words))
        if has_verb or _ELSEWHERE.intersection(words) or _DETERMINERS.intersection(words[-1:]):
            return None
        return before, "" if after.startswith("and ") else after


def main_clause(sentence: str) -> str:
    """The sentence up to the end of its main clause, its number and its opening left out; empty if it is none."""
    plain = _NUMBERING.sub("", " ".join(sentence.split()))
    if len(plain.split()) not in _WORDS or not plain[0].isupper():
        return ""
    main = _OPENING_TIME.sub("", plain)
    end = _ENDS_CLAUSE.search(main)
    body = main[: end.start()] if end else main[:-1]
    is_cut = end is not None and _LIST_GOES_ON.match(main, end.start())
    return "" if is_cut or _NO_STATEMENT.search(body) else body


def read_statement(sentence: str, common: Set[str]) -> Statement | None:
    """The main clause of a sentence; `common` are words that are no names where they begin one."""
    body = main_clause(sentence)
    if not body or _NO_SUBJECT.match(body):
        return None
    plain = " ".join(sentence.split())
    gives_reason = _REASON.match(plain, plain.find(body) + len(body)) is not None
    words = body.split()
    for at, word in islice(enumerate(words), 1, _SUBJECT_WORDS + 1):
        forms, follows = read_verb(word), words[at + 1 : at + 4]
        if forms is None or not follows or words[at - 1].lower() in _BEFORE_NOUNS:
            continue
        if word in ("has", "have", "had") and re.match(_PARTICIPLE, follows[0]):
            forms = Verb(word, "")
        elif word not in AUXILIARIES and any(map(read_verb, follows)):
            continue  # "the repair costs rose"
        if _NO_SUBJECT_WITHIN.search(" ".join(words[:at])):
            return None
        subject, rest = _within(words[:at], common), " ".join(words[at + 1 :])
        opening = _OPENING_TIME.match(plain) is not None
        return Statement(subject, word, forms, rest, opening, gives_reason)
    return None


def _within(subject: Sequence[str], common: Set[str]) -> str:
    """The subject as it is written in the middle of a sentence; the reader who is addressed speaks of themselves."""
    first, *others = subject
    if first == "You":
        return " ".join(["I", *others])
    small = first.lower()
    is_name = bool(others) and others[0][0].isupper() and small not in _ARTICLES
    is_common = small in common or small in _ARTICLES or _NO_NAME.fullmatch(first)
    return " ".join([small if is_common and not is_name else first, *others])
