"""Splits a research question by its grammar; needs no model.

Tried in this order, the first that finds at least two parts (or an inner question) decides:

    several sentences       "Who won? How did the loser react?"          each, completed from the one before
    years, quarters         "profit from 2019 to 2021"                   one for each
    comparison              "Compare A and B on price"                   "price of A", "price of B"
    two sides               "pros and cons of X"                         "pros of X", "cons of X"
    relative clause         "the director of the film that won X"        "Which film won X?"
    inner phrase            "where was the author of Emma born"          "Who or what is the author of Emma?"
    documents               "in both contracts"                          the topic in each document by name
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence

from app.chains.carry_over import carry_over
from app.chains.comparison import split_comparison
from app.chains.question_shapes import (
    ASPECT,
    BACKING,
    INNER,
    RANGE,
    RELATIVE,
    REQUEST,
    SENTENCE_END,
    SEVERAL_TEXTS,
    SIDES,
    WITH,
    YEAR,
    YEARS,
)
from app.chains.records import Turn
from app.models.terms import STOPWORDS, fold

MAX_QUESTIONS = 5
_MAX_PARTS = MAX_QUESTIONS - 1
_MAX_SENTENCES = 12
_LONGEST = 400
"""Characters up to which a question is read word by word; a longer one is split into its sentences only."""


def decompose(question: str, names: Sequence[str] = ()) -> tuple[str, ...]:
    """At most five distinct questions, the parts first and the question itself last; alone when nothing can be split.

    `names` are names of documents; those that the question means get a part each.
    """
    asked = " ".join(question.split())
    body = BACKING.sub("", asked.rstrip("?!. ")).strip()
    splits: tuple[Callable[[], list[str]], ...] = (
        lambda: _sentences(asked),
        lambda: _by_year(body),
        lambda: split_comparison(body, most=_MAX_PARTS),
        lambda: _two_sides(body),
        lambda: _inner(body),
    )
    parts = (
        next((found for split in splits if (found := split())), [])
        if len(body) <= _LONGEST
        else _sentences(asked)
    )
    if len(parts) < 2:
        parts += _by_document(body, names)
    if not parts and (topic := REQUEST.sub("", body)) != body:
        parts = [topic]
    return (*distinct(part for part in parts if fold(part) != fold(asked))[:_MAX_PARTS], asked)


def distinct(questions: Iterable[str]) -> tuple[str, ...]:
    """Without blanks and repetitions, in order."""
    found: dict[str, str] = {}
    for question in questions:
        text = " ".join(question.split())
        if any(character.isalnum() for character in text):
            found.setdefault(fold(text).rstrip("?!. "), text)
    return tuple(found.values())


def _sentences(asked: str) -> list[str]:
    """Questions and requests of a longer message; what is only told is left out."""
    sentences = [part.strip() for part in SENTENCE_END.split(asked, maxsplit=_MAX_SENTENCES) if part.strip()]
    if len(sentences) < 2:
        return []
    parts: list[str] = []
    for sentence in sentences:
        parts.append(carry_over(sentence, [Turn(part, "") for part in parts[-1:]]))
    asking = [part for part in parts if part.endswith("?") or REQUEST.match(part) or not part.endswith(".")]
    return asking if len(asking) > 1 else []


def _by_year(body: str) -> list[str]:
    """One question a year or quarter; of a long range its ends and evenly spaced years between them."""
    found = YEARS.search(body)
    if found is None:
        return []
    named = YEAR.findall(found[0])
    if len(named) == 2 and RANGE.search(found[0]) and all(year.isdigit() for year in named):
        named = [str(year) for year in range(int(named[0]), int(named[1]) + 1)] or named
    if len(named) > _MAX_PARTS:
        named = [named[round(at * (len(named) - 1) / (_MAX_PARTS - 1))] for at in range(_MAX_PARTS)]
    last_year = named[-1][-4:]
    if last_year.isdigit():
        named = [f"{year} {last_year}" if len(year) == 2 else year for year in named]
    topic, rest = REQUEST.sub("", body[: found.start()]).strip(), body[found.end() :]
    return [f"{topic} in {year}{rest}" if topic else f"{year}{rest}" for year in named]


def _two_sides(body: str) -> list[str]:
    found = SIDES.search(body)
    if found is None:
        return []
    one, other, matter = found.groups()
    other = "arguments against" if other.casefold() == "against" else other
    return [side if side.endswith(matter) else f"{side} {_link(side)}{matter}" for side in (one, other)]


def _link(side: str) -> str:
    return "" if side.endswith(("for", "against")) else "of "


def _inner(body: str) -> list[str]:
    """What has to be known before the question can be looked up."""
    if found := RELATIVE.search(body):
        noun, link, clause = found.group("noun", "link", "clause")
        return [
            f"Which {noun} {clause}?" if link in ("that", "which", "who") else f"the {noun} {link} {clause}"
        ]
    if found := INNER.search(body):
        return [f"Who or what is {found[1]}?"]
    return []


def _by_document(body: str, names: Sequence[str]) -> list[str]:
    """The topic in each document that is named, or in all of a few when the question speaks of several."""
    titles = [_title(name) for name in names]
    meant = [title for title in titles if _is_named(title, body)]
    if len(meant) < 2 and SEVERAL_TEXTS.search(body):
        meant = titles
    if not 2 <= len(meant) <= _MAX_PARTS:
        return []
    topic = SEVERAL_TEXTS.sub("", REQUEST.sub("", body)).strip()
    for title in meant:
        topic = re.sub(
            rf"(?: {WITH}| from| {ASPECT}| compared to)? ?\b{re.escape(title)}\b",
            "",
            topic,
            flags=re.IGNORECASE,
        )
    topic = re.sub(r"^what (?:do|does) say (?:about|on) ", "", " ".join(topic.split()), flags=re.IGNORECASE)
    return [f"{topic} in {title}" if topic else title for title in meant]


def _is_named(title: str, body: str) -> bool:
    telling = {word for word in re.findall(r"\w{3,}", fold(title)) if word not in STOPWORDS}
    return bool(telling) and telling <= set(re.findall(r"\w{3,}", fold(body)))


def _title(name: str) -> str:
    return re.sub(r"[_\s-]+", " ", re.sub(r"\.\w{2,5}$", "", name)).strip()
