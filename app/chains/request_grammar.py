"""Reads what kind of request a question is from its words' classes and their order, without a model.

Each sentence becomes a string with one letter per word (see `route_words`), and the patterns below read that string.
What counts is the *position* of a cue: "compare the contracts" asks for a comparison, "who wrote the comparison
report?" does not.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from app.chains.route_words import FRAMES, PHRASES
from app.chains.word_classes import classify
from app.models.terms import fold
from app.schemas import AgentName


@dataclass(frozen=True, slots=True)
class Cue:
    """Words that tell what is asked for; of several cues in one question the highest `weight` wins."""

    agent: AgentName
    weight: int
    meaning: str
    words: str


START = r"(?:^|(?<=\.))"
"""Beginning of a clause."""
NOUN = r"[LlIQ#]*[Ae]*[xn]?[Ae]*"
"""What may stand before the noun that counts: articles, adjectives, one unknown word."""
HEAD = r"(?![xnDNRs#])"
"""The noun before is the head of its phrase: "the summary of …", not "the summary section"."""
GIVE = r"G[LIQp]*"
ASK = rf"{START}K?(?:P[Ll]*)?(?:{GIVE}(?:W[BO])?|WB(?!l)|[Wh]|BL?|O[LIp]*G?)"
TEXT = r"[LlIQ]*A*[xn]?D[xn#]*"

CONTENTS = "asks what a document contains"

# The order decides among cues of the same weight.
_RULES: tuple[tuple[AgentName, int, str, tuple[str, ...]], ...] = (
    (
        "research",
        3,
        "asks for a summary of a comparison",
        (rf"{START}K?S(?:[^.]*K)?{NOUN}[RX!]{HEAD}", rf"{START}K?S.*[Wh].*V"),
    ),
    (
        "research",
        3,
        "asks to compare or analyse",
        (rf"{START}[KE]*[Cc](?!$)", r"^(?![WhwOBi]).*[KE][Cc](?![.s]|$)", r"^(?![WhwOBSCcip]).+[Cc]$"),
    ),
    (
        "research",
        3,
        "asks for a comparison or an analysis",
        (rf"{ASK}{NOUN}[R!]{HEAD}", rf"^{NOUN}[R!]{HEAD}(?!.*[BO])"),
    ),
    ("research", 3, "weighs one thing against another", (r"^(?!w).*[!U]",)),
    (
        "research",
        3,
        "asks how documents or years differ",
        (rf"(?:{ASK}|^){NOUN}X.*(?:(?<!l)D|#.*#|n.*KL*n)",),
    ),
    (
        "research",
        3,
        "asks how things differ or relate",
        (
            r"[WhwE][OB](?!p)[^i]*(?<!I)[Vc](?=$|[PL.KQZEYnx])",
            r"[GKPC.][Whw][^i]*V|^[Wh][xnDTL]{0,4}V",
            r"hB[^i]*v(?=$|[P.K])|^WBL?v(?![xnDT])|[GKPC.]w[^i]*v",
            r"^[OB][^i]*D[^i]*[Vv](?=$|[PJQ.K])",
        ),
    ),
    (
        "research",
        3,
        "asks about a development over time",
        (rf"[Wh].*M.*(?:Y|a{TEXT})", r"[Wh].*Y.*M|Y.*[Wh].*M|^[^w]*R.*Y"),
    ),
    (
        "summarize",
        2,
        "asks for a summary",
        (
            rf"{START}[KZE]?(?:{GIVE})?S(?!s)",
            r"^(?![WhwOBiLlp])[^sBO]*KS|^(?![WhwOBCcip]).+S$",
            rf"{ASK}(?<![BO]){NOUN}[NS]{HEAD}|WB(?!l){NOUN}[NS]{HEAD}",
            rf"^{NOUN}N{HEAD}(?!.*[BO])",
        ),
    ),
    (
        "summarize",
        2,
        "asks for the main points",
        (rf"(?:{ASK}|^)[LlQ]*(?:A+[xn]?T|TA){HEAD}", rf"^T$|WB[LlA]*TP{TEXT}"),
    ),
    (
        "summarize",
        2,
        "asks what a document is about",
        (rf"WB(?:{TEXT}|I)J(?=$|[.Z])|W(?:{TEXT}|I)BJ", rf"{START}{GIVE}J(?:{TEXT}|I)(?=$|\.)"),
    ),
    (
        "summarize",
        2,
        CONTENTS,
        (
            rf"WT?O(?:{TEXT}|I)F+P?(?=$|[.Z])|W(?:{TEXT}|I)F(?=$|[.Z])",
            rf"WT?BFP{TEXT}|WBP(?:{TEXT}|I)(?=$|\.)",
        ),
    ),
    (
        "summarize",
        2,
        "asks for a short account of a document",
        (r"^(?:[ZNPL]*\.?)?G[^J]*(?:Z[^J]*D|D[^J]*Z)[^J]*$",),
    ),
    ("research", 1, "asks for evidence or depth", (r"^(?!w).*E", rf"{START}{GIVE}lA*e")),
    ("research", 1, "looks across several documents", (rf"P[LA]*Q[LAQ]*[xn]?D(?![xn]$)|a{TEXT}",)),
)

_TOKEN = re.compile(r"\d+(?:[.,]\d+)*%?|[^\W\d_]+(?:[-+&][^\W_]+)*|'s\b|[.]")
_CLAUSE = re.compile(r"[,;:()\n—]|(?<!\d)\.(?=\s|$)|[?!]| - | – ")
_SENTENCE = re.compile(r"(?<=[?!;\n])|(?<=[^\W\d_]{2}\.)(?=\s)|(?<=\d\.)(?=\s)")
_FRAME = re.compile("|".join(rf"(?:{frame})\W*" for frame in FRAMES))
_YEAR = re.compile(r"(?:fy)?(?:19|20)\d\d|q[1-4]")
_OWNER = frozenset("what who where which how it that this here there was wer wo".split())
_LISTED = re.compile(r"\w+,? (?:and|or) (?!the|it|this|that|its|their|then)\w+")
_PASSAGE_WORDS = 60
"""Longer messages quote or tell something; what they ask stands at an end."""
_SENTENCE_WORDS = 30
_VERBS = "SCc"


def read_cues(question: str) -> Iterator[Cue]:
    """Every cue of every sentence that can be a request; none means an ordinary question."""
    names = _names(question)
    for sentence in _requests(_SENTENCE.split(_join_phrases(_straighten(question)))):
        words, letters = _tag(sentence, names)
        for agent, weight, meaning, pattern in _rules():
            if found := pattern.search(letters):
                cue_words = " ".join(words[found.start() : found.end()]).replace("-", " ")
                yield Cue(agent, weight, meaning, cue_words.strip(" ."))


def _requests(sentences: Sequence[str]) -> Iterator[str]:
    """The sentences of a short message; of a pasted passage the first and the last, and what is said politely."""
    told = [sentence for sentence in sentences if _TOKEN.search(sentence)]
    is_passage = sum(len(sentence.split()) for sentence in told) > _PASSAGE_WORDS
    for at, sentence in enumerate(told):
        if not is_passage or at in (0, len(told) - 1) or _FRAME.match(sentence.strip()):
            yield sentence


def _tag(sentence: str, names: frozenset[str]) -> tuple[list[str], str]:
    """Words and class letters of one sentence, politeness left out; `.` stands between clauses."""
    words: list[str] = []
    letters = ""
    clauses = [clause.strip() for clause in _CLAUSE.split(sentence) if _TOKEN.search(clause)]
    is_long = len(sentence.split()) > _SENTENCE_WORDS
    for at, clause in enumerate(clauses):
        request = _without_frame(re.sub(r"^(?:and|und|et|y) ", "", clause) if is_long else clause)
        if is_long and at > 0 and len(request) == len(clause):
            continue  # the middle of a long sentence tells of something, unless it is put politely
        if tokens := _TOKEN.findall(request):
            words += [".", *tokens]
            letters += "."
            is_listed = _is_listed(clauses, at)
            for before, token in zip(["", *tokens], tokens, strict=False):
                letter = _letter(token, before, names)
                letters += "x" if is_listed and letter in _VERBS else letter
    return words[1:], letters[1:]


def _is_listed(clauses: Sequence[str], at: int) -> bool:
    """Whether a clause belongs to an enumeration, as in "to record, process, summarize and report": one word apart."""
    before, after = clauses[at - 1] if at > 1 else "", clauses[at + 1] if 0 < at < len(clauses) - 1 else ""
    is_link = at > 0 and " " not in clauses[at] and after != ""
    return is_link or (before != "" and " " not in before) or (at > 0 and bool(_LISTED.match(clauses[at])))


def _letter(word: str, before: str, names: frozenset[str]) -> str:
    if word == "'s":
        return "B" if before in _OWNER else "s"
    if _YEAR.fullmatch(word):
        return "#"
    if word[0].isdigit():
        return "L" if len(word) < 3 else "#"
    return classify(word) or ("n" if word in names else "x")


@cache
def _rules() -> tuple[tuple[AgentName, int, str, re.Pattern[str]], ...]:
    return tuple(
        (agent, weight, meaning, re.compile("|".join(f"(?:{pattern})" for pattern in patterns)))
        for agent, weight, meaning, patterns in _RULES
    )


def _straighten(sentence: str) -> str:
    """Folded, with straight apostrophes and without the marks that open a Spanish or a quoted sentence."""
    return re.sub(r"[¿¡\"“”„«»*_`]", " ", fold(sentence.replace("’", "'"))).replace("what's", "what 's")


def _join_phrases(sentence: str) -> str:
    for pattern, word in _phrases():
        sentence = pattern.sub(word, sentence)
    return sentence


def _without_frame(clause: str) -> str:
    while frame := _FRAME.match(clause):
        clause = clause[frame.end() :]
    return clause


def _names(question: str) -> frozenset[str]:
    """Capitalised words, folded, but for the first of a sentence; none when everything is in capitals."""
    if question.upper() == question:
        return frozenset()
    capitalised = re.findall(r"(?<=[\w,;)] )[A-ZÀ-ÖØ-Þ][\w&-]+", question)
    return frozenset(fold(word) for word in capitalised)


@cache
def _phrases() -> tuple[tuple[re.Pattern[str], str], ...]:
    return tuple(
        (re.compile("|".join(rf"\b(?:{phrase})\b" for phrase in phrases)), f" {word} ")
        for word, phrases in PHRASES.items()
    )
