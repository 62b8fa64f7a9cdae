"""Which code page a text from before UTF-8 is in, judged by whether its letters are one language's alphabet.

Statistics of letters alone confuse neighbours (cp1252 with cp1250, cp850 with Mac Roman), and each mistake turns
names and amounts into others without anybody noticing. So a reading must hold no letter where none can stand, its
letters must belong to one language, and no other reading may be as good.
"""

from __future__ import annotations

import re
import unicodedata

from app.errors import UnknownEncoding

# What people's old files are in. Every further code page makes a wrong guess likelier, and few of them rarer.
_ENCODINGS = (
    *("cp1252", "cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "koi8_r", "koi8_u"),
    *("iso8859_2", "iso8859_5", "mac_roman", "mac_cyrillic", "cp437", "cp850", "cp852", "cp866"),
    *("cp932", "euc_jp", "gb18030", "big5", "euc_kr"),
)
_ALPHABETS = tuple(
    frozenset(letters)
    for letters in (
        "àâæçéèêëîïôœùûüÿ",  # French
        "äöüßéà",  # German
        "áéíñóúüªº",  # Spanish
        "áâãàçéêíóôõúüªº",  # Portuguese
        "àèéìíîòóùú",  # Italian
        "àçéèíïóòúü",  # Catalan
        "éëïöüáóèêä",  # Dutch
        "æøåéèòôü",  # Danish, Norwegian
        "åäöéàüæø",  # Swedish, Finnish
        "áðéíóúýþæö",  # Icelandic
        "äõöüšž",  # Estonian
        "āčēģīķļņšūž",  # Latvian
        "ąčęėįšųūž",  # Lithuanian
        "ąćęłńóśźż",  # Polish
        "áčďéěíňóřšťúůýž",  # Czech
        "áäčďéíĺľňóôŕšťúýž",  # Slovak
        "áéíóöőúüű",  # Hungarian
        "ăâîşţșț",  # Romanian
        "čćđšž",  # Croatian, Bosnian, Slovenian
        "çğıiöşüâîû",  # Turkish
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",  # Russian, Bulgarian
        "абвгґдеєжзиіїйклмнопрстуфхцчшщьюя",  # Ukrainian
        "абвгдђежзијклљмнњопрстћуфхцчџш",  # Serbian
    )
)
# Of two readings that are as good, the one from Windows is right far more often than one from DOS or an old Mac.
_RARITY = dict.fromkeys(("cp437", "cp850", "cp852", "cp866", "mac_roman", "mac_cyrillic"), 0.04)
_SAMPLE_BYTES = 200_000
_MAX_UNLIKELINESS = 0.12
# Another reading this close, and nearly as much like a language, leaves the choice to chance.
_UNLIKELINESS_MARGIN = 0.03
_COHERENCE_MARGIN = 0.15
# Nearly all bytes are letters in the code pages of other alphabets, so their text must also resemble a language.
_MIN_COHERENCE = 0.4
_OTHER_ALPHABETS = (
    "cp1251",
    "cp1253",
    "cp1255",
    "cp1256",
    "cp866",
    "iso8859_5",
    "koi8_r",
    "koi8_u",
    "mac_cyrillic",
)
_OTHER_ALPHABET = re.compile("[\u0370-\u074f]")
_NOT_ASCII = re.compile(r"[^\x00-\x7f]")
_HIRAGANA = re.compile("[\u3041-\u309f]")
_HANGUL = re.compile("[\uac00-\ud7a3]")
_IDEOGRAPH = re.compile("[\u4e00-\u9fff]")
# Every sixth character of Chinese is one of these, and hardly any that a wrong encoding makes.
_COMMON_IDEOGRAPH = re.compile("[的一是在不了有和人这這中大为為上个個国國年]")
_BOX_DRAWING = re.compile("[\u2500-\u259f]")
_TRADE_MARKS = "®™©°ªº²³"


def guess_encoding(data: bytes) -> str:
    """The one encoding under which the bytes read as a text.

    Raises:
        UnknownEncoding: there is none, or several that give different texts and are as likely.
    """
    from charset_normalizer import from_bytes

    matches = from_bytes(_sample(data), cp_isolation=list(_ENCODINGS), preemptive_behaviour=False)
    readings = sorted(
        (
            _unlikeliness(str(match)) + match.chaos / 2 + _RARITY.get(match.encoding, 0),
            -match.coherence,
            match.encoding,
            str(match),
        )
        for match in matches
        if _is_possible(match.encoding, str(match), match.coherence)
    )
    if not readings or readings[0][0] > _MAX_UNLIKELINESS:
        raise UnknownEncoding(
            "the text is neither UTF-8 nor in another encoding that can be told; save it as UTF-8"
        )
    unlikeliness, incoherence, encoding, text = readings[0]
    for rival_unlikeliness, rival_incoherence, rival, rival_text in readings[1:]:
        is_as_likely = rival_unlikeliness - unlikeliness < _UNLIKELINESS_MARGIN
        if is_as_likely and rival_incoherence - incoherence < _COHERENCE_MARGIN and rival_text != text:
            raise UnknownEncoding(f"the text may be {encoding} or {rival}; save it as UTF-8")
    return encoding


def _sample(data: bytes) -> bytes:
    if len(data) <= _SAMPLE_BYTES:
        return data
    # Not in the middle of a character of two bytes: a line end is one byte in all these encodings.
    line_end = data.rfind(b"\n", 0, _SAMPLE_BYTES)
    return data[: line_end + 1 or _SAMPLE_BYTES]


def _is_possible(encoding: str, text: str, coherence: float) -> bool:
    if _OTHER_ALPHABET.search(text):
        return coherence >= _MIN_COHERENCE
    return encoding not in _OTHER_ALPHABETS


def _unlikeliness(text: str) -> float:
    """0 where every character outside ASCII can stand where it does, in one language; 2 at worst."""
    foreign = [found.start() for found in _NOT_ASCII.finditer(text)]
    if not foreign:
        return 0.0
    odd = sum(_is_odd(text[at - 1 : at], text[at], text[at + 1 : at + 2]) for at in foreign)
    return odd / len(foreign) + 1 - _fit_of_language("".join(text[at] for at in foreign))


def _is_odd(before: str, character: str, after: str) -> bool:
    """No writer puts this character there: wrong code pages make `WÅrde`, `W¸rde`, `WЃrde` and `Ł20`."""
    category = unicodedata.category(character)
    if character in _TRADE_MARKS:
        return False
    if category[0] in "LM":
        return _is_odd_letter(before, character, after, category)
    if _BOX_DRAWING.match(character):
        return not (_BOX_DRAWING.match(before) or _BOX_DRAWING.match(after))
    if category[0] in "CS" or category == "Ps":
        return category[0] == "C" or before.isalpha() or (category[0] == "S" and after.isalpha())
    return before.isalpha() and after.isalpha() and category != "Pd" and character != "’"


def _is_odd_letter(before: str, letter: str, after: str, category: str) -> bool:
    if (before + after).strip().isdigit():
        return True
    if category == "Lu" and (before.islower() or (before.isalpha() and after.islower())):
        return True
    if (category == "Ll" and after.isupper()) or (letter == "ς" and after.isalpha()):
        return True
    neighbour = after if after.isalpha() else before
    return neighbour.isalpha() and _script(neighbour) != _script(letter)


def _script(letter: str) -> str:
    name = unicodedata.name(letter, "").partition(" ")[0]
    # Japanese mixes its three scripts in every sentence.
    return (
        "EAST ASIAN" if name in ("HIRAGANA", "KATAKANA", "KATAKANA-HIRAGANA", "CJK", "IDEOGRAPHIC") else name
    )


def _fit_of_language(foreign: str) -> float:
    """Share of the letters outside ASCII that the best-fitting alphabet has; 1 where no alphabet is known."""
    letters = [letter for letter in foreign.lower() if letter.isalpha()]
    if not letters:
        return 1.0
    if _IDEOGRAPH.search(foreign) or _HANGUL.search(foreign):
        is_japanese = len(_HIRAGANA.findall(foreign)) > 0.2 * len(letters)
        is_korean = len(_HANGUL.findall(foreign)) > 0.8 * len(letters)
        is_chinese = len(_COMMON_IDEOGRAPH.findall(foreign)) > 0.04 * len(letters)
        # Ideographs alone are what every mixed-up pair of these encodings gives, so they prove less.
        return 1.0 if is_japanese or is_korean or is_chinese else 0.95
    if _script(letters[0]) not in ("LATIN", "CYRILLIC", "MICRO", "FEMININE", "MASCULINE"):
        return 1.0
    return max(sum(letter in alphabet for letter in letters) for alphabet in _ALPHABETS) / len(letters)
