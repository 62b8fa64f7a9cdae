"""Finds passages of a text in files, whatever their format."""

from __future__ import annotations

import json
import mmap
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from app.errors import InvalidRequest

_PASSAGES: Final = 64
_PASSAGE: Final = re.compile(r"\S(?:\S| (?=\S)){22,38}\S")
"""Within one line and singly spaced, so that it stands in a file as it does here; seldom cut by a database page."""
_AT_LEAST_WORDS: Final = 3


def passages_of(text: str) -> list[str]:
    """Up to 64 passages of 24 to 40 characters, evenly spread. Raises InvalidRequest: there is none."""
    found = [part for part in _PASSAGE.findall(text) if len(part.split()) >= _AT_LEAST_WORDS]
    if not found:
        raise InvalidRequest("the text has no line of three words and 24 characters that could be looked for")
    step = max(1, len(found) // _PASSAGES)
    return list(dict.fromkeys(found[::step][:_PASSAGES]))


def distinctive(passages: Iterable[str], other_texts: Iterable[str]) -> list[str]:
    """The passages that stand in none of the texts."""
    left = list(passages)
    for text in other_texts:
        left = [passage for passage in left if passage not in text]
    return left


def find_in_file(path: Path, passages: Sequence[str]) -> int:
    """How many of the passages the file holds, as they are or as JSON writes them."""
    if path.stat().st_size == 0:
        return 0
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        return sum(any(content.find(form) >= 0 for form in _forms(passage)) for passage in passages)


def _forms(passage: str) -> set[bytes]:
    return {passage.encode(errors="replace"), json.dumps(passage)[1:-1].encode()}
