"""Tells titles that somebody gave a document from those that a program filled in."""

from __future__ import annotations

import re

from app.ingestion.clean_text import clean_text

MAX_TITLE_CHARS = 200
# Producers write a file name, a number of theirs or "untitled" where the title belongs.
_NO_TITLE = re.compile(
    r"^\W*$|^\S+\.\w{2,5}$|^[\d\W_]+$|^(?:microsoft word|untitled|untitled document|document\d*)\b",
    re.IGNORECASE,
)


def usable_title(title: str | None) -> str | None:
    """The title on one line and within 200 characters; None if it says nothing about the document."""
    cleaned = " ".join(clean_text(title or "").split())
    return None if _NO_TITLE.match(cleaned) else cleaned[:MAX_TITLE_CHARS]
