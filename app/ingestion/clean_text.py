"""Make any text safe to store, search and show, before spans are counted in it."""

from __future__ import annotations

import re
import unicodedata

_NEWLINES = re.compile("\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
# Colours, cursor moves and window titles: dropping the escape character alone would leave "[31m" in the text.
_TERMINAL_CODES = re.compile("\x1b\\[[0-?]*[ -/]*[@-~]|\x1b\\][^\x07\x1b\n]{0,1000}(?:\x07|\x1b\\\\)")
_CONTROLS = re.compile("[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f]")
# Shown as a hyphen at the end of a line and not at all elsewhere: with the line end, it stands within a word.
_SOFT_LINE_ENDS = re.compile("\u00ad[ \t]*\n[ \t]*")
# Invisible: they hide a word from a search, or turn the display of what follows round.
_INVISIBLE = re.compile("[\u00ad\u200b\u2060\ufeff\u202a-\u202e\u2066-\u2069\ufffe\uffff]")
# Joiners shape Persian, Indic scripts and emoji; between ASCII letters they only break the word.
_IDLE_JOINERS = re.compile("(?<=[\x00-\x7f])[\u200c\u200d]+(?=[\x00-\x7f])")
_SURROGATES = re.compile("[\ud800-\udfff]")
# Ligatures and the shaped forms of Arabic letters, as PDF files carry them: nobody types these in a question.
_PRESENTATION_FORMS = re.compile("[\ufb00-\ufb06\ufb13-\ufb17\ufb1d-\ufdff\ufe70-\ufefc]+")

_WORD_CHARACTER = re.compile(r"[^\W_]")
REPLACEMENT = "\ufffd"


def clean_text(text: str) -> str:
    """Unify line ends, remove what is invisible or controls a terminal, and replace lone surrogates.

    Letters, punctuation and white space stay as they are, but for line ends at soft hyphens; presentation forms become
    the letters they show.
    """
    if text.isascii() and text.isprintable():
        return text  # as nearly every cell of a table and every short line is
    text = _NEWLINES.sub("\n", text)
    text = _TERMINAL_CODES.sub("", text)
    text = _CONTROLS.sub("", text)
    text = _SOFT_LINE_ENDS.sub("", text)
    text = _INVISIBLE.sub("", text)
    text = _IDLE_JOINERS.sub("", text)
    text = _SURROGATES.sub(REPLACEMENT, text)
    return _PRESENTATION_FORMS.sub(lambda found: unicodedata.normalize("NFKC", found[0]), text)


def has_words(text: str) -> bool:
    """Whether there is any letter or digit, in any script; replacement characters are neither."""
    return _WORD_CHARACTER.search(text) is not None
