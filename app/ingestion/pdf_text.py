"""Repairs that PDF text needs before it is cleaned: hyphens at line ends, reversed words, unreadable text layers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from itertools import pairwise

from app.ingestion.clean_text import has_words

# PDFium puts one of these where a line ends within a word, and leaves the line end out.
_LINE_HYPHEN = "[\u0002\ufffe]"
_BROKEN_WORD = re.compile(rf"([^\W_]*){_LINE_HYPHEN}\s*([^\W_]*)")
_WORD = re.compile(r"[^\W_]+(?:-[^\W_]+)*")
_RIGHT_TO_LEFT_WORD = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]{3,}")
# Replacement characters and the codes that fonts use privately.
_UNREADABLE = re.compile("[\ufffd\ue000-\uf8ff\U000f0000-\U0010ffff]")
_BEYOND_LATIN = re.compile("[\u0250-\u1fff\u2c00-\U0010ffff]")
# Below this share of readable characters a page counts as having no text.
_MIN_READABLE = 0.5
_MIN_LETTERS_TO_JUDGE = 20
_MAX_SCRIPT_CHANGES = 0.3


def mend_hyphens(pages: Sequence[str]) -> list[str]:
    """Join words that were cut at a line end, keeping hyphens that belong to the word.

    The same mark stands for both ("dan-gerous", "non-GAAP"), so the rest of the document decides: the form that
    occurs elsewhere wins; else two halves that are words by themselves keep their hyphen.
    """
    if not any(re.search(_LINE_HYPHEN, page) for page in pages):
        return list(pages)
    known = {word.lower() for page in pages for word in _WORD.findall(_BROKEN_WORD.sub(" ", page))}
    return [_BROKEN_WORD.sub(lambda cut: _mend(cut[1], cut[2], known), page) for page in pages]


def _mend(first: str, second: str, known: set[str]) -> str:
    joined, hyphenated = first + second, f"{first}-{second}"
    if not first or not second or hyphenated.lower() in known:
        return hyphenated
    if joined.lower() in known:
        return joined
    are_words = first.lower() in known and second.lower() in known
    return hyphenated if are_words or not first.isalpha() or second[0].isupper() else joined


def is_readable(text: str) -> bool:
    """Whether a page's text is worth keeping: it has words, and most characters could be read."""
    unreadable = len(_UNREADABLE.findall(text))
    return has_words(text) and unreadable <= (1 - _MIN_READABLE) * sum(map(len, text.split()))


def is_garbled(text: str) -> bool:
    """Whether the letters keep changing script, as where a font's own codes were taken for characters."""
    if not _BEYOND_LATIN.search(text):
        return False
    scripts = [_script(letter) for letter in text if letter.isalpha()]
    if len(scripts) < _MIN_LETTERS_TO_JUDGE:
        return False
    changes = sum(before != after for before, after in pairwise(scripts))
    return changes > _MAX_SCRIPT_CHANGES * len(scripts)


def _script(letter: str) -> str:
    if letter < "\u0250":
        return "LATIN"
    # Kana and ideographs alternate in Japanese.
    return "EAST ASIAN" if "\u3000" <= letter < "\ua000" else unicodedata.name(letter, "?").partition(" ")[0]


def turn_reversed_words(text: str, read_again: Callable[[], str]) -> str:
    """Put Hebrew and Arabic words into reading order where the second reader has only their reversal.

    PDFium reverses words that it takes from an /ActualText entry, which are in reading order already.
    """
    if not _RIGHT_TO_LEFT_WORD.search(text):
        return text
    confirmed = set(re.findall(r"\S+", unicodedata.normalize("NFKC", read_again())))

    def turn(found: re.Match[str]) -> str:
        word = found[0]
        return word[::-1] if word not in confirmed and word[::-1] in confirmed else word

    return _RIGHT_TO_LEFT_WORD.sub(turn, text)
