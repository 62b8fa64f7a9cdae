"""Completes a follow-up from the turns before it, by the ways in which people shorten questions; needs no model.

- a fragment takes the place of its like: "What was Amazon's revenue in 2017?" … "and in 2016?"
- a bare question word asks about the question before: "Did revenue fall?" … "Why?"
- a pronoun stands for what the question before was about: "What is the notice period?" … "How long is it?"
- a request to go on repeats the topic: "Tell me more"

Any other question stands alone and stays as it is, as does a request for a summary: what "it" means there is a
document, which `choose` finds.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from app.chains.follow_up_words import (
    ARTICLE,
    ASKS_NAME,
    BARE,
    BE,
    CAPITAL,
    CLAUSE,
    DO,
    EXPLETIVE,
    GO_ON,
    LAST_OBJECT,
    LEAD,
    NAME,
    OPENING,
    OWNER,
    OWNERS,
    PERSONS,
    PREPOSITION,
    PRONOUN,
    SUBJECT,
    WH,
    YEAR,
)
from app.chains.prompts import HISTORY_CHARS
from app.chains.records import Turn
from app.chains.request_grammar import CONTENTS, read_cues

_TURNS = 12
"""How many turns back a chain of follow-ups is resolved."""
_LONGEST_FRAGMENT = 7
_LONGEST_TOPIC = 14


@dataclass(frozen=True, slots=True)
class _Before:
    """The turn before, its question readable by itself."""

    question: str
    answer: str

    @property
    def body(self) -> str:
        return self.question.strip().rstrip("?!. ").strip()

    @property
    def remainder(self) -> str:
        """What follows the question word and the first verb."""
        return LEAD.sub("", self.body, count=1) or self.body


def carry_over(question: str, history: Sequence[Turn]) -> str:
    """The question with what the last turns must lend it, in the words they used."""
    before: _Before | None = None
    for turn in history[-_TURNS:]:
        # A client that keeps the conversation itself may send turns of any length, with names of thousands of words.
        asked, answer = turn.question[:HISTORY_CHARS], turn.answer[:HISTORY_CHARS]
        before = _Before(_complete(asked, before)[: 2 * HISTORY_CHARS], answer)
    return _complete(question, before)


def _complete(question: str, before: _Before | None) -> str:
    if before is None or any(
        cue.agent == "summarize" and cue.meaning != CONTENTS for cue in read_cues(question)
    ):
        return question
    for complete in (_take_place, _ask_on, _go_on, _put_name):
        if (completed := complete(question.strip(), before)) is not None:
            return completed
    return question


def _ask_on(question: str, before: _Before) -> str | None:
    """ "Why?" """
    bare = BARE.match(question)
    if bare is None:
        return None
    word = _capitalise(bare[1])
    lead = LEAD.match(before.body)
    if lead and not re.match(WH + r"\b", before.body, re.IGNORECASE):
        return f"{word.removesuffix(' not')} {before.body[0].lower()}{before.body[1:]}?"
    return f"{word}: {before.remainder}?"


def _go_on(question: str, before: _Before) -> str | None:
    """ "Tell me more." """
    return f"{question.rstrip('?!. ')}: {before.remainder}" if GO_ON.match(question) else None


def _put_name(question: str, before: _Before) -> str | None:
    """ "How long is it?" """
    found = PRONOUN.search(question)
    if found is None or EXPLETIVE.search(question):
        return None
    start, end = found.span(found.lastgroup or 0)
    if _has_antecedent(question[:start]):
        return None
    pronoun = question[start:end].casefold()
    meant = _antecedent(pronoun, before)
    if pronoun == "there" or len(meant.split()) > _LONGEST_TOPIC:
        return f"{question.rstrip('?!. ')} ({meant})?"
    if pronoun in OWNERS and re.match(r" \w", question[end:]):
        meant = _own(meant)
    return question[:start] + (_capitalise(meant) if start == 0 else meant) + question[end:]


def _has_antecedent(words_before: str) -> bool:
    """Whether the question itself names what its pronoun means."""
    return bool(NAME.search(words_before)) or bool(re.search(r"\b(?:the|my|our|a|an) \w+", words_before))


def _antecedent(pronoun: str, before: _Before) -> str:
    asked = before.body.casefold()
    if pronoun in PERSONS or ASKS_NAME.match(asked):
        answered = [name for name in _names(before.answer) if name.casefold() not in asked]
        if answered and (pronoun not in PERSONS or asked.startswith("who") or not _names(before.body)):
            return answered[0]
        if pronoun in PERSONS and _names(before.body):
            return _names(before.body)[0]
    if pronoun in OWNERS and (owner := re.search(rf"({CAPITAL}(?: {CAPITAL})*)['’]s?\b", before.remainder)):
        return owner[1]
    if pronoun in OWNERS and (names := _names(before.body)):
        return names[-1]
    return _topic(before)


def _topic(before: _Before) -> str:
    """The noun phrase that a question is about: what follows "is the", or what stands between "does" and the verb."""
    remainder = CLAUSE.split(before.remainder)[0].strip() or before.remainder
    lead = LEAD.match(before.body)
    names = re.match(rf"{CAPITAL}(?: {CAPITAL})*(?:['’]s?(?: [a-zà-ÿ-]+)*)?", remainder)
    if names:
        return re.sub(rf" {PREPOSITION}$", "", names[0])
    if lead and (lead["be"] or lead["first"]):
        return remainder
    subject = re.split(rf" {PREPOSITION} | (?={ARTICLE.pattern})", remainder)[0].split()
    return " ".join(subject[:-1] if len(subject) > 1 else subject) or remainder


def _take_place(question: str, before: _Before) -> str | None:
    """ "And in 2016?" """
    opening = OPENING.match(question)
    fragment = question[opening.end() if opening else 0 :].strip().rstrip("?!. ").strip()
    if not fragment or not _is_fragment(fragment, announced=bool(opening and opening[0].strip("¿ "))):
        return None
    owned = re.match(r"(?:its|their|his|her) (.+)", fragment, re.IGNORECASE)
    if owned:
        owner = _antecedent(fragment.split()[0].casefold(), before)
        return f"What is {_own(owner)} {owned[1]}?"
    return _replace_like(fragment, before.body) + "?"


def _is_fragment(fragment: str, *, announced: bool) -> bool:
    """Too little for a question of its own; `announced` by "and" or "what about" it may be any short noun phrase."""
    if len(fragment.split()) > _LONGEST_FRAGMENT or re.match(
        rf"(?:{WH}|{BE}|{DO})\b", fragment, re.IGNORECASE
    ):
        return False
    if announced:
        return not re.match(
            r"(?:please|compare|summari[sz]e|tell|give|show|list|explain)\b", fragment, re.IGNORECASE
        )
    return bool(
        re.match(rf"{PREPOSITION} \S+(?: \S+){{0,3}}$", fragment, re.IGNORECASE)
        or YEAR.fullmatch(fragment)
        or re.fullmatch(rf"{CAPITAL}['’]s?", fragment)
    )


def _replace_like(fragment: str, body: str) -> str:
    """The question before with the fragment in the place of its like: year, name, or object of the same preposition."""
    if year := YEAR.search(fragment):
        return _swap(YEAR, body, year[0]) or f"{body} {fragment if ' ' in fragment else 'in ' + fragment}"
    if phrase := re.match(rf"({PREPOSITION}) (.+)", fragment, re.IGNORECASE):
        same = rf"\b{phrase[1]} (?P<slot>(?!\D*\d{{4}}).+?)(?= {PREPOSITION} |$)"
        swapped = _swap(re.compile(same, re.IGNORECASE), body, phrase[2])
        if swapped is None and phrase[1].casefold() == "of":
            swapped = _swap(OWNER, body, _own(phrase[2]))
        return swapped or f"{body} {fragment}"
    if re.fullmatch(rf"{CAPITAL}(?: {CAPITAL})*(?:['’]s?)?", fragment):
        return _swap_name(fragment, body) or f"{body}, {fragment}"
    if ARTICLE.match(fragment):
        return _swap(SUBJECT, body, fragment) or f"{body}, {fragment}"
    return _swap(LAST_OBJECT, body, fragment) or f"{body}, {fragment}"


def _swap_name(fragment: str, body: str) -> str | None:
    """Owner for owner, else the last name; a year or a sentence's first word is no name."""
    bare = re.sub(r"['’]s?$", "", fragment)
    if swapped := _swap(OWNER, body, _own(bare)):
        return swapped
    names = [name for name in NAME.finditer(body) if not YEAR.search(name[0])]
    return body[: names[-1].start()] + bare + body[names[-1].end() :] if names else None


def _swap(pattern: re.Pattern[str], text: str, new: str) -> str | None:
    """The text with the last match (its `slot`, where the pattern has one) replaced; None without a match."""
    found = list(pattern.finditer(text))
    if not found:
        return None
    start, end = found[-1].span("slot" if "slot" in pattern.groupindex else 0)
    return text[:start] + new + text[end:]


def _own(name: str) -> str:
    return name + ("'" if name.endswith("s") else "'s")


def _capitalise(text: str) -> str:
    return text[:1].upper() + text[1:]


def _names(text: str) -> list[str]:
    """Capitalised phrases but for numbers and a sentence's first word, unless more of them follow it."""
    found = NAME.findall(text) or re.findall(rf"^{CAPITAL}(?: {CAPITAL})*", text)
    return [name.rstrip(".") for name in found if not YEAR.search(name) and not name[0].isdigit()]
