"""Streams a finished text the way a model streams its own."""

from __future__ import annotations

import re

from app.chains.records import TokenSink

_WORD_GROUP = re.compile(r"\s*(?:\S+\s*){1,4}|\s+")


def stream_words(text: str, sink: TokenSink | None) -> None:
    """Send `text` in groups of up to four words; the groups add up to exactly `text`."""
    if sink is not None:
        for group in _WORD_GROUP.finditer(text):
            sink.token(group.group())
