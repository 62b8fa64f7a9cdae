"""Turns an English statement round into the questions that it answers, by its grammar alone.

What it gives as an amount, a time, a name or a reason is taken out and asked for. What is not clearly of such a shape
gives no question: a bad one is worse than none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Set

from app.chains.statements import PREPOSITIONS, TO_BE, Statement, main_clause, read_statement
from app.chains.verb_forms import AUXILIARIES, read_verb

_QUESTION_WORDS = range(4, 21)
_AFTER_WORDS = 5
"""Words behind a time that a question about it may keep."""

_TELLS = re.compile(
    r"[0-9€$£]|\b(?:two|three|four|five|six|seven|eight|nine|ten|[a-z]+t(?:y|een)|eleven|twelve|by|because|due|order"
    r"|is an?|is the|since|until|located|situated|based|born|held|buried)\b",
    re.IGNORECASE,
)
"""What one of the forms below asks for."""
_POINTS = re.compile(
    r"\b(?:it|its|itself|he|him|his|she|her|hers|they|them|their|theirs|this|that|these|those|such|we|us|our|ours"
    r"|former|latter|same|above|below|following|another|other|others|there|here|then|also|thus|therefore|however"
    r"|one|both|each|so)\b",
    re.IGNORECASE,
)
_OPENS = re.compile(
    r"\b(?:I|me|my|who|whom|whose|which|what|when|where|while|although|because|since|if|as)\b", re.IGNORECASE
)
"""Begins a clause of its own, or lets the writer speak."""

_SMALL = "two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|fifteen|twenty|thirty|forty|fifty"
_ABOUT = (
    r"(?:(?:up to|at least|at most|more than|less than|fewer than|as many as|over|about|around|nearly|almost|only"
    r"|approximately|roughly|some) )?"
)
_NUMBER = rf"(?:\d[\d,]*(?:\.\d+)?(?: (?:hundred|thousand|million|billion))?|{_SMALL})"
_END_OF_THINGS = r"(?=$| (?:in|on|at|for|from|to|by|with|until|after|before|once|a|per)\b)"
_COUNT = re.compile(
    rf"\b{_ABOUT}(?<![\d.,€$£-])(?!(?:1[5-9]|20)\d\d\b){_NUMBER} "
    r"(?P<things>(?:(?!hundred|thousand|million|billion)[a-z-]+ )?"
    r"(?:people|women|men|children|(?!times)[a-z-]{2,}[^\W\d_s]s)\b"
    rf"(?: of(?: [a-z-]+){{1,3}}?{_END_OF_THINGS})?(?: (?:a|per) [a-z]+\b)?)"
)
_SUM = re.compile(
    rf"(?<!\w){_ABOUT}(?:(?:€|\$|£|EUR|USD|GBP)\s?\d[\d,.]*(?<=\d)(?: (?:million|billion|thousand))?"
    r"|\d[\d,.]*(?: ?%| per ?cent\b))"
)
_MONTH = r"(?:January|February|March|April|May|June|July|August|September|October|November|December)"
_TIME = re.compile(
    rf"\b(?P<how>in|on|until|since|by) (?:(?:early|late|mid) )?(?:the )?(?:\d\d? {_MONTH}(?: \d{{4}})?"
    rf"|{_MONTH}(?: \d\d?)?(?: \d{{4}})?|(?:1\d|20)\d\d)\b(?! (?:to|and|per)\b|s\b|\s?%)"
)
_BY = re.compile(r"\bby (?:the (?:[a-z-]+ ){0,3})?[A-Z][\w'’.-]+(?: (?:(?:of|de|von|van) )?[A-Z][\w'’.-]+)*")
_DONE_BY_SOMEBODY = re.compile(
    r"(?:[a-z]+ly )?(?:answered|approved|audited|built|chaired|coined|commanded|composed|created|described|designed"
    r"|developed|directed|discovered|elected|established|founded|funded|given|introduced|invented|led|managed|owned"
    r"|painted|produced|proposed|published|run|signed|written)\b"
)
_PLACED = re.compile(
    r"\b(located|situated|based|born|held|buried|published|signed) (?:in|at|on) (?:the )?[A-Z]"
)
_DEFINES = re.compile(r"an? (?:[\w-]+ ){2}|the (?:[\w-]+ ){1,3}(?:of|that|which|for|in|between) ")
_SHARE_OF = re.compile(r"of(?: (?!(?:in|on|at|for|from|to|by|with|until|after|before)\b)[\w-]+)+ ?")
_AMOUNT_BEHIND = {"by": "by how much", "to": "to what amount", "for": "for how much"}
_ASKING = re.compile(
    r"^(?:(?:for|by|to|since|until|within) )?(?:who or what|how many|how much|what amount|when|where|why|who|what)"
    r"|(?<=\bmay) I\b|(?<=\bcan) I\b|(?<=\bmust) I\b|(?<=\bdo) I\b|\bonce\b"
)


def write_questions(sentence: str, common: Set[str]) -> Iterator[str]:
    """Questions that the sentence answers, the most telling first.

    `common` are words that its document has in small letters: at the beginning of a sentence they are no names.
    """
    if not sentence.endswith(".") or not _TELLS.search(sentence):
        return
    found = list(_count_of_subject(main_clause(sentence)))
    if statement := read_statement(sentence, common):
        if statement.opening:
            found.append(statement.ask("when", statement.rest))
        elif statement.gives_reason:
            found.append(statement.ask("why", statement.rest))
        found += [question for write in _FORMS if (question := write(statement))]
    yield from (_finish(question) for question in found if _is_askable(question))


def stands_alone(text: str) -> bool:
    """Whether nothing in it points elsewhere: to a thing named before, or to whoever wrote the document."""
    return _POINTS.search(text) is None


def _count_of_subject(body: str) -> Iterator[str]:
    """ "Up to five days may be carried over" tells how many days may be."""
    found = _COUNT.match(body[:1].lower() + body[1:])
    rest = body[found.end() :].split() if found else []
    if found and len(rest) > 1 and read_verb(rest[0]):
        yield f"how many {found['things']} {' '.join(rest)}"


def _ask_count(statement: Statement) -> str | None:
    found = _COUNT.search(statement.rest)
    around = statement.around(found)
    if not found or not around or not statement.tells_deed:
        return None
    before, after = around
    *kept, last = before.split() or [""]
    asking = f"how many {found['things']}"
    if last in ("for", "within"):
        return statement.ask(f"{last} {asking}", " ".join(kept), after)
    if last.lower() in PREPOSITIONS or (statement.verb in AUXILIARIES and not before):
        return None
    return statement.ask(asking, before, after)


def _ask_sum(statement: Statement) -> str | None:
    found = _SUM.search(statement.rest)
    around = statement.around(found)
    if not around:
        return None
    before, after = around
    if share := _SHARE_OF.match(after):
        asking = f"what share {share.group().strip()}"
        return None if before else statement.ask(asking, after[share.end() :])
    if statement.verb in TO_BE and not before:
        after = "" if after.startswith("a ") else after
        return statement.ask("what", after) if statement.subject.startswith(("the ", "your ")) else None
    *kept, last = before.split() or [""]
    after = "" if after.startswith("to ") else after
    if last in _AMOUNT_BEHIND:
        return statement.ask(_AMOUNT_BEHIND[last], " ".join(kept), after)
    if last.lower() in PREPOSITIONS or (before and statement.verb not in AUXILIARIES):
        return None
    return statement.ask("how much", before, after)


def _ask_time(statement: Statement) -> str | None:
    found = _TIME.search(statement.rest)
    around = statement.around(found)
    if not found or not around or not statement.tells_deed:
        return None
    before, after = around
    if len(after.split()) > _AFTER_WORDS or not after.startswith(("in ", "at ", "for ", "with ", "to ")):
        after = ""
    asking = {"until": "until when", "since": "since when"}.get(found["how"], "when")
    return statement.ask(asking, before, after)


def _ask_who(statement: Statement) -> str | None:
    around = statement.around(_BY.search(statement.rest))
    if not around or statement.verb not in TO_BE:
        return None
    before = _TIME.sub("", around[0]).strip()
    return statement.ask("who", before, "by") if _DONE_BY_SOMEBODY.match(before) else None


def _ask_place(statement: Statement) -> str | None:
    found = _PLACED.match(statement.rest)
    return statement.ask("where", found[1]) if found and statement.verb in AUXILIARIES else None


def _ask_definition(statement: Statement) -> str | None:
    is_defined = statement.verb == "is" and _DEFINES.match(statement.rest)
    if not is_defined or re.fullmatch("the [a-z]+", statement.subject):
        return None
    is_name = all(word[0].isupper() for word in statement.subject.split())
    return statement.ask("who or what" if is_name else "what")


_FORMS = (_ask_count, _ask_sum, _ask_time, _ask_who, _ask_place, _ask_definition)


def _is_askable(question: str) -> bool:
    words = question.split()
    said = _ASKING.sub("", question)
    return (
        len(words) in _QUESTION_WORDS
        and stands_alone(said)
        and not _OPENS.search(said)
        and "you" not in words
        and words[-1].lower() not in (PREPOSITIONS | {"later", "earlier", "early", "late"}) - {"by", "over"}
    )


def _finish(question: str) -> str:
    text = re.sub(r"\byour\b", "my", question.strip(" ,."))
    return f"{text[0].upper()}{text[1:]}?"
