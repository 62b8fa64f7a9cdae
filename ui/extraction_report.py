"""What could be read of a document and what could not, in sentences."""

from __future__ import annotations

from collections.abc import Iterable

from app.schemas import DocumentInfo
from ui.wording import counted


def summarise_extraction(document: DocumentInfo) -> str:
    """One sentence on how much of a document can be asked about; empty while it has not been read."""
    if document.status != "indexed":
        return ""
    searched = f"{counted(document.chunks, 'passage')} can be searched"
    if not document.pages:
        return f"{searched}."
    missing = document.pages_without_text or 0
    if not missing:
        return (
            f"Every page has text; {searched}." if document.pages > 1 else f"The page has text; {searched}."
        )
    return f"{document.pages - missing:,} of {counted(document.pages, 'page')} have text; {searched}."


def list_warnings(document: DocumentInfo) -> list[str]:
    """What the reader should know before trusting the text, each once, as sentences."""
    said = list(document.warnings)
    if document.extraction:
        said += [*document.extraction.guessed, *document.extraction.dropped]
    return [_as_sentence(text) for text in _each_once(said)]


def _each_once(texts: Iterable[str]) -> list[str]:
    return list(dict.fromkeys(text.strip() for text in texts if text.strip()))


def _as_sentence(text: str) -> str:
    begun = text[0].upper() + text[1:]
    return begun if begun.endswith((".", "!", "?")) else f"{begun}."
