"""The words of a text that carry its meaning, folded so that their forms compare equal; needs no model."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

_WORD = re.compile(r"\d+(?:[.,]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)?")
_CJK = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\uac00-\ud7af]")
_CYRILLIC = re.compile(r"[\u0400-\u04ff]")
_CYRILLIC_STEM = 5
_SEPARATOR = re.compile(r",(?=\d{3}(?!\d))")

STOPWORDS = frozenset(
    # English, questions' words and polite frames included
    "a about above after again all also am an and any are as at be because been before being below"
    " between both but by can cannot could did do does doing down during each few for from further had"
    " has have having he her here hers him his how i if in into is it its itself just me more most my"
    " no nor not of off on once only or other our out over own same she should so some such than that"
    " the their them then there these they this those through to too under until up us very was we"
    " were what when where which while who whom whose why will with would you your yours s t please"
    " tell give show find explain describe according document documents text file mention mentioned"
    " say says much many may might must shall one upon within without whether yes let know"
    # German, French, Spanish
    " der die das den dem des ein eine einen einem einer und oder aber ist sind war waren wird werden"
    " wurde von zu zum zur mit im am auf für aus bei nach wie was wer wo wann warum welche welcher"
    " welches nicht auch sich es sie er le la les un une de du des et ou est sont était par pour dans"
    " sur avec qui que quoi quel quelle où quand comment el los las lo una unos unas y o es son fue"
    " fueron por para en con del al se su sus qué quién cuál cuándo dónde cómo cuántos cuántas como"
    " más no"
    # Russian
    " и в во не что он на я с со как а то все она так его но да ты к у же вы за бы по ее мне было вот"
    " от меня о из ему был до или быть были где когда кто какой какая какие сколько это для при".split()
)


def terms(text: str) -> list[str]:
    """Content words in order, lightly stemmed, no stop words; Chinese and its like as character pairs."""
    return [stem(word) for word in words(text) if word not in STOPWORDS]


def words(text: str) -> list[str]:
    """All words and numbers in order, folded in case and accents; `1,234` becomes `1234`."""
    found: list[str] = []
    for match in _WORD.finditer(fold(text)):
        word = match.group()
        if _CJK.search(word):
            found.extend(word[at : at + 2] for at in range(max(1, len(word) - 1)))
        else:
            found.append(_SEPARATOR.sub("", word).removesuffix("'s").removesuffix("’s"))
    return found


def numbers(text: str) -> set[str]:
    """Numbers of a text in one spelling, so that `$1,234.00` and `1234` compare equal."""
    return {plain_number(word) for word in words(text) if word[0].isdigit()}


def plain_number(word: str) -> str:
    return word.rstrip("0").rstrip(".") if re.fullmatch(r"\d+\.\d+", word) else word


def fold(text: str) -> str:
    """Lower case, compatibility forms (ligatures, full width) resolved, accents of Latin letters removed."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold())
    return unicodedata.normalize("NFC", re.sub(r"(?<=[a-z])[\u0300-\u036f]+", "", decomposed))


def is_mostly_latin(text: str) -> bool:
    letters = [character for character in fold(text) if character.isalpha()]
    return sum(character < "\u0250" for character in letters) * 2 >= len(letters)


_WITH_PERSON = 6


@lru_cache(maxsize=1 << 16)
def stem(word: str) -> str:
    """Cut the commonest English endings; Cyrillic words to their beginning, since these inflect much more."""
    if _CYRILLIC.match(word):
        return word[:_CYRILLIC_STEM]
    if len(word) < 4 or not word.isascii() or word[0].isdigit():
        return word
    if word.endswith("s") and not word.endswith(("ss", "us", "is")):
        word = word[:-1] if not word.endswith("sses") else word[:-2]
    if len(word) > _WITH_PERSON and word.endswith("ee"):  # an employee is employed
        word = word[:-2]
    for ending, replacement in _ENDINGS:
        rest = word.removesuffix(ending)
        if rest != word and len(rest) >= 2 and _VOWEL.search(rest) and not word.endswith("eed"):
            word = _undouble(rest) + replacement
            break
    if len(word) >= 3 and word.endswith("e"):
        word = word[:-1]
    return word[:-1] + "i" if word.endswith("y") else word


_VOWEL = re.compile("[aeiouy]")
_ENDINGS = (
    ("ication", "i"), ("ization", "iz"), ("isation", "iz"), ("ation", "at"), ("ment", "ment"), ("iness", "i"),
    ("ness", ""), ("ingly", ""), ("ing", ""), ("ion", ""), ("ally", "al"), ("ly", ""), ("ity", ""),
    ("ied", "i"), ("edly", ""), ("ed", ""), ("ie", "i"),
)  # fmt: skip


def _undouble(word: str) -> str:
    doubled = len(word) > 3 and word[-1] == word[-2] and word[-1] not in "lsz"
    return word[:-1] if doubled else word
