"""Turns text into the words that the lexical index compares."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

import tantivy

from app.knowledge.broken_words import with_whole_words

# Scripts that are written without spaces (CJK ideographs, kana, Thai, Lao, Khmer, Myanmar), and Hangul, whose words
# end in particles.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_WORD = re.compile(r"[^\W_]+")


def build_analyzer() -> tantivy.TextAnalyzer:
    """Words of letters and digits, in lower case, without accents, English endings cut off."""
    return (
        tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple())
        .filter(tantivy.Filter.lowercase())
        .filter(tantivy.Filter.ascii_fold())
        .filter(tantivy.Filter.stemmer("english"))
        .build()
    )


def prepare(text: str) -> str:
    """Text in which the analyzer finds the words, which are pairs of characters where no spaces are written.

    A word that a line end cuts in two is there whole and in halves. NFKC takes ligatures, full-width letters and the
    like apart, so that a word is found however it was typeset.
    """
    text = with_whole_words(text)
    if text.isascii():
        return text
    return _UNSPACED.sub(_pairs, unicodedata.normalize("NFKC", text))


def plain_words(text: str) -> list[str]:
    """The words as they are written, in lower case and without punctuation."""
    return _WORD.findall(prepare(text).lower())


def joined_pairs(text: str) -> str:
    """Neighbouring words written as one, as names of files have them: `AMERICANEXPRESS_2022` for American Express."""
    return " ".join(first + second for first, second in pairwise(_WORD.findall(text)))


def _pairs(match: re.Match[str]) -> str:
    run = match.group()
    if len(run) == 1:
        return f" {run} "
    return f" {' '.join(run[i : i + 2] for i in range(len(run) - 1))} "
