"""Makes a stream of events readable in LangServe's playground, which shows their contents one after another."""

from __future__ import annotations

from app.runs import Event
from app.schemas import Citation


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
    return f"[{citation.marker}] {citation.document_name}{page}: “{citation.quote}”"
