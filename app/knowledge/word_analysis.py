"""Turns text into the words that the lexical index compares."""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from itertools import pairwise

import tantivy

from app.knowledge.broken_words import with_whole_words
from app.knowledge.languages import ENGLISH, likely_languages, recognise_text

# Scripts that are written without spaces (CJK ideographs, kana, Thai, Lao, Khmer, Myanmar), and Hangul, whose words
# end in particles.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U0003ffff]+"
)
_WORD = re.compile(r"[^\W_]+")
# Their letters tell the language near enough; each leaves the words of other scripts alone.
_STEMMERS_BY_SCRIPT = ("russian", "greek", "arabic", "tamil")


def build_analyzer() -> tantivy.TextAnalyzer:
    """Takes apart what `prepare` has put together."""
    return tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build()


def prepare(text: str) -> str:
    """The text's words in lower case, without accents and endings, which the language of its beginning decides.

    Pairs of characters are the words where no spaces are written. A word that a line end cuts in two is there whole
    and in halves.
    """
    text = with_whole_words(text)
    return " ".join(_stem(_spaced(text), recognise_text(text)))


def query_words(text: str) -> list[tuple[str, ...]]:
    """The words of a query, each in all the forms in which texts of the languages it may be in have it.

    English is among them, for texts and names whose language is unknown are taken for English.
    """
    spaced = _spaced(text)
    languages = dict.fromkeys([*likely_languages(text), ENGLISH])
    return [
        tuple(dict.fromkeys(forms))
        for forms in zip(*(_stem(spaced, language) for language in languages), strict=True)
    ]


def stem_english(text: str) -> list[str]:
    """The words of a text so short that its language cannot be told, as names are."""
    return _stem(_spaced(text), ENGLISH)


def joined_pairs(text: str) -> list[str]:
    """Neighbouring words written as one, as names of files have them: `AMERICANEXPRESS_2022` for American Express."""
    words = _WORD.findall(_spaced(text))
    return _stem(" ".join(first + second for first, second in pairwise(words)), ENGLISH)


def plain_words(text: str) -> list[str]:
    """The words as they are written, in lower case and without punctuation."""
    return _WORD.findall(plain_text(text))


def plain_text(text: str) -> str:
    """The text in which `plain_words` finds its words."""
    return _spaced(text).lower()


def _stem(text: str, language: str) -> list[str]:
    scripts = () if text.isascii() else _STEMMERS_BY_SCRIPT  # which cost twice as much as all the rest
    words: list[str] = _stemmer(language, *scripts).analyze(text)
    return words


@cache
def _stemmer(*names: str) -> tantivy.TextAnalyzer:
    builder = tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.simple()).filter(tantivy.Filter.lowercase())
    for name in names:
        builder = builder.filter(tantivy.Filter.stemmer(name))
    return builder.filter(tantivy.Filter.ascii_fold()).build()


def _spaced(text: str) -> str:
    """NFKC takes ligatures, full-width letters and the like apart, so that a word is found however it was typeset."""
    if text.isascii():
        return text
    return _UNSPACED.sub(_pairs, unicodedata.normalize("NFKC", text))


def _pairs(match: re.Match[str]) -> str:
    run = match.group()
    if len(run) == 1:
        return f" {run} "
    return f" {' '.join(run[i : i + 2] for i in range(len(run) - 1))} "
