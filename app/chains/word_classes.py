"""The word classes of `route_words` for single words, misspelt ones included."""

from __future__ import annotations

import re
from functools import cache

from app.chains.route_words import WORDS

_TYPO_CHARS = 6
_MISSPELT = "SNcCR"


@cache
def _lexicon() -> tuple[dict[str, str], tuple[tuple[str, str], ...]]:
    """Whole words with their letters, and prefixes with theirs, longest first; the first class of a word counts."""
    words: dict[str, str] = {}
    prefixes: dict[str, str] = {}
    for letter, entries in WORDS.items():
        for entry in entries.split():
            (prefixes if entry.endswith("*") else words).setdefault(entry.removesuffix("*"), letter)
    return words, tuple(sorted(prefixes.items(), key=lambda item: -len(item[0])))


@cache
def _misspellings() -> dict[str, tuple[str, str]]:
    """Consonant skeletons of the cue words that are long enough to be recognised in a misspelt word."""
    words, _ = _lexicon()
    cues = {word: letter for word, letter in words.items() if letter in _MISSPELT and len(word) > _TYPO_CHARS}
    return {_skeleton(word): (word, letter) for word, letter in cues.items()}


def _skeleton(word: str) -> str:
    """What stays when vowels are confused, letters doubled or dropped twins: "summerise" and "sumarize" are alike."""
    consonants = re.sub(r"[aeiouy]+", "", word.replace("z", "s"))
    return word[0] + re.sub(r"(.)\1+", r"\1", consonants)


def classify(token: str) -> str | None:
    words, prefixes = _lexicon()
    if letter := words.get(token):
        return letter
    for prefix, letter in prefixes:
        if token.startswith(prefix):
            return letter
    if len(token) >= _TYPO_CHARS and (near := _misspellings().get(_skeleton(token))):
        word, letter = near
        return letter if abs(len(word) - len(token)) <= 2 else None
    return None
