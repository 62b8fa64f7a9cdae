"""A conversation as Markdown, with the sources of each answer."""

from __future__ import annotations

import re
from collections.abc import Iterator

from app.schemas import Answer, Citation, Feedback, Thread, Turn

_MARKUP = re.compile(r"([\\`*_{}\[\]<>#|~])")
"""What a title, a question or a quotation must not do to the page around it."""


def as_markdown(thread: Thread) -> str:
    """Questions and quotations are shown literally; answers are Markdown already, and free of links."""
    moment = f"{thread.created_at:%Y-%m-%d %H:%M} UTC"
    parts = [f"# {_literally(thread.title)}", f"Begun {moment}, {len(thread.turns)} turns."]
    parts += [part for number, turn in enumerate(thread.turns, start=1) for part in _turn(number, turn)]
    return "\n\n".join(parts) + "\n"


def _turn(number: int, turn: Turn) -> Iterator[str]:
    yield f"## {number}. {_literally(turn.question)}"
    yield turn.answer.answer
    yield _receipt(turn.answer)
    if turn.feedback is not None:
        yield _feedback(turn.feedback)
    if turn.answer.citations:
        yield "\n".join(map(_source, turn.answer.citations))


def _receipt(answer: Answer) -> str:
    facts = [f"agent {answer.agent}", f"model {_literally(answer.model)}"]
    facts += ["not in the documents"] if answer.refused else []
    facts += [f"degraded: {code}" for code in answer.degraded]
    return f"*{', '.join(facts)}*"


def _feedback(feedback: Feedback) -> str:
    score = "this helped" if feedback.score > 0 else "this did not help"
    comment = "" if feedback.comment is None else f": “{_literally(feedback.comment)}”"
    return f"*Feedback: {score}{comment}*"


def _source(citation: Citation) -> str:
    page = "" if citation.page is None else f", page {citation.page}"
    checked = "" if citation.verified else " (not verified)"
    place = f"{_literally(citation.document_name)}{page}"
    return f"- \\[{citation.marker}\\] {place}: “{_literally(citation.quote)}”{checked}"


def _literally(text: str) -> str:
    return _MARKUP.sub(r"\\\1", " ".join(text.split()))
