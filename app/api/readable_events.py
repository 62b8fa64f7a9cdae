"""Makes a stream of events readable in LangServe's playground, which shows their contents one after another."""

from __future__ import annotations

import re

from app.runs import Event
from app.schemas import Answer, Citation

_FOOTNOTE = re.compile(r"\[\d+\] .+: “.*”")


class ReadableEvents:
    """Gives each step a line of its own and lets the sources follow the text; one object for each stream."""

    def __init__(self) -> None:
        self._previous = ""

    def format(self, event: Event) -> Event:
        """The event with a content that fits behind those before it."""
        previous, self._previous = self._previous, event["type"]
        if event["type"] == "status":
            lead = "\n" if previous == "token" else ""
            return event | {"content": f"{lead}{event['content']}\n"}
        if event["type"] == "citation":
            lead = "" if previous == "citation" else "\nSources\n"
            cited = Citation.model_validate({key: event[key] for key in Citation.model_fields})
            return event | {"content": f"{lead}{footnote(cited)}\n"}
        return event


def footnote(citation: Citation) -> str:
    """One source as a line of text."""
    page = f", page {citation.page}" if citation.page is not None else ""
    return f"[{citation.marker}] {citation.document_name}{page}: “{' '.join(citation.quote.split())}”"


def footnotes(answer: Answer) -> str:
    """All sources of an answer, a line each."""
    return "\n".join(map(footnote, answer.citations))


def with_sources(answer: Answer) -> str:
    """An answer for clients that show text only."""
    return "\n\n".join(filter(None, (answer.answer, footnotes(answer))))


def without_footnotes(text: str) -> str:
    """The answer of which `with_sources` made this text."""
    lines = text.rstrip().split("\n")
    while lines and (not lines[-1].strip() or _FOOTNOTE.fullmatch(lines[-1])):
        lines.pop()
    return "\n".join(lines)
