"""Gives a conversation a title that is short enough for a list."""

from __future__ import annotations

import re
from collections.abc import Collection
from itertools import count

from langchain_core.prompts import ChatPromptTemplate

from app.chains.fallback import prefer_model
from app.chains.markers import quote_plainly
from app.errors import ModelError, ModelMisbehaved
from app.models.chat import ChatModel
from app.schemas import MAX_THREAD_TITLE_CHARS

MAX_TITLE_CHARS = 60
UNTITLED = "Untitled conversation"

TITLE_PROMPT = ChatPromptTemplate.from_messages(
    [
        (
            "system",
            (
                "You name conversations. Reply with a title of two to six words for one that begins with the user's "
                "message, in its language, without quotation marks and without a full stop. Do not answer the message."
            ),
        ),
        ("human", "{question}"),
    ]
)

_POLITE = re.compile(
    r"(?:please|hi|hello|hey|(?:can|could|would|will) you(?: please)?|i(?:'d| would) like (?:you )?to(?: know)?|"
    r"tell me(?: about)?|i want to know|bitte|por favor)\b[\s,:.!-]*",
    re.IGNORECASE,
)
_SHOWN_OF_QUESTION = 2_000
_FORK = re.compile(r"(?<=\S) \(fork(?: \d+)?\)$")
_FORK_CHARS = len(" (fork 1000000)")


async def title_thread(question: str, *, model: ChatModel) -> str:
    """Let the model name a conversation by its first question, or take that question's beginning where it fails."""

    async def by_demo(_: ModelError | None = None) -> str:
        return title_of(question)

    return await prefer_model(lambda: _ask(question, model), by_demo)


def title_of(question: str) -> str:
    """The question without its politeness, cut between words."""
    line = _as_title(question)
    while (polite := _POLITE.match(line)) and polite.end() < len(line):
        line = line[polite.end() :]
    return _cut(line[:1].upper() + line[1:]) or UNTITLED


def title_fork(title: str, taken: Collection[str]) -> str:
    """The title of a copy, which tells it from the original and from the other copies; `taken` are their titles."""
    base = title_without_fork(title)
    titles = (f"{base} (fork{f' {number}' if number > 1 else ''})" for number in count(1))
    return next(one for one in titles if one not in taken)


def title_without_fork(title: str) -> str:
    """With room for what `title_fork` adds; a fork of a fork gets no second such word."""
    return _FORK.sub("", title)[: MAX_THREAD_TITLE_CHARS - _FORK_CHARS].rstrip()


async def _ask(question: str, model: ChatModel) -> str:
    """Raises:
    ModelMisbehaved: what came back names nothing.
    """
    written = await model.complete(TITLE_PROMPT.format_messages(question=question[:_SHOWN_OF_QUESTION]))
    lines = written.strip().splitlines()
    title = _as_title(lines[0]).strip("\"'“”„«»*# ").removesuffix(".")
    if not any(character.isalnum() for character in title) or len(title) > 2 * MAX_TITLE_CHARS:
        raise ModelMisbehaved(f"{model.name} did not give a title but {title[:40]!r}")
    return _cut(title)


def _as_title(text: str) -> str:
    return quote_plainly("".join(c if c.isprintable() else " " for c in text[:_SHOWN_OF_QUESTION]))


def _cut(line: str) -> str:
    if len(line) <= MAX_TITLE_CHARS:
        return line
    return line[: MAX_TITLE_CHARS - 2].rsplit(" ", 1)[0].rstrip(" ,;:-") + " …"
