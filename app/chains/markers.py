"""The grammar of citation markers in a draft: reads what models really write, writes only `[n]`."""

from __future__ import annotations

import re
from collections.abc import Callable, Set
from functools import cache

from app.models.sentences import is_record

# While a text is being rewritten, kept markers stand between these two private characters.
_OPEN, _CLOSE = "\ue000", "\ue001"
_HELD = re.compile(f"{_OPEN}(\\d+){_CLOSE}")
_HELD_RUN = re.compile(f"(?:{_OPEN}\\d+{_CLOSE}[ \\t]*)*{_OPEN}\\d+{_CLOSE}")
# A model may write anything: nothing here gives back what it took (`++`), nor passes another opening bracket.
_BLANKS = r"(?:(?<![ \t])[ \t]++)?"
_LINK_TARGET = r"(?:\([^()\s]*+(?:\s++\"[^\"\n]*+\")?\))?"
_NUMBERS = r"\d++(?:\s*+(?:[,;–—-]|and|&)\s*+\d++)*+"
_LABEL = r"(?:(?:sources?|docs?|documents?)\s*+:?+\s*+)?[#^]?"
_MARKER = re.compile(
    rf"{_BLANKS}[\[【［]\s*+{_LABEL}({_NUMBERS})\s*+(?:†[^\[\]【】［］\n]*+)?[\]】］]{_LINK_TARGET}",
    re.IGNORECASE,
)
_KEPT_MARKER = re.compile(rf"{_BLANKS}\[\d++\]")
# `[1]: target` would turn every [1] of a Markdown text into a link.
_LINK_DEFINITION = re.compile(
    r"^ {0,3}\[\^?\d++\]:[ \t]*+\S++[ \t]*+(?:[\"'(][^\n]*[\"')])?[ \t]*+$\n?", re.MULTILINE
)
# Its address may hold brackets or have no end: without the sign before it, it is no image any more.
_IMAGE = re.compile(r"!\[([^\[\]\n]*+)\]\((?:(?:[^()\n]++|\([^()\n]*+\))*+\))?")
CODE = re.compile(r"```.*?```|(?<!`)`[^`\n]+`(?!`)", re.DOTALL)
_BRACKETS = str.maketrans("[]【】［］", "()()()")
_NO_BRACKETS = dict.fromkeys(map(ord, "[]【】［］"))
_INDEXED = re.compile(r"(?=[^\s:]++: \S)[^\s:]*?\[\d++\]")
_MAX_RANGE = 50
_MAX_DIGITS = 6
_MAX_PASSES = 8


def normalise_markers(text: str, known: Set[int]) -> str:
    """Rewrite every marker as `[n]`, one number each, and remove the numbers that are not `known`.

    Understood are `[1, 2]`, `[1-3]`, `[ 2 ]`, `[^1]`, `【1†page】`, `[source 1]`, `[1](target)`. Repetitions side
    by side and link definitions go, images become their description. Code between backticks stays. A text whose
    brackets are nested as no writer nests them loses them all.
    """
    text = text.replace(_OPEN, "").replace(_CLOSE, "")
    for _ in range(_MAX_PASSES):
        # What was removed may have brought the brackets of another marker together, as in "[[9]1]", or backticks.
        before = text
        text = _outside_code(
            replace_outside_code(_LINK_DEFINITION, "", text), lambda part: _normalise(part, known)
        )
        if text == before:
            return text
    return text.translate(_NO_BRACKETS)


def disarm_markers(text: str) -> str:
    """A text whose own `[3]`, as references and paths of JSON have it, reads `(3)` and so is no marker of ours.

    It stays as long as it was, and `locate` finds what is quoted of it in the text as it was.
    """
    return _MARKER.sub(lambda match: match.group().translate(_BRACKETS), text)


def renumber(text: str, numbers: dict[int, int]) -> str:
    """Give the markers of a normalised text other numbers."""
    return _outside_code(text, lambda part: re.sub(r"\[(\d+)\]", lambda m: f"[{numbers[int(m[1])]}]", part))


def marker_positions(text: str) -> list[tuple[int, int]]:
    """(number, character position) of each marker of a normalised text, in order."""
    found: list[tuple[int, int]] = []
    begin = 0
    for code in [*CODE.finditer(text), None]:
        end = code.start() if code else len(text)
        found += [(int(m[1]), m.start()) for m in re.compile(r"\[(\d+)\]").finditer(text, begin, end)]
        begin = code.end() if code else end
    return found


def without_markers(text: str) -> str:
    return _KEPT_MARKER.sub("", text)


def quote_plainly(text: str) -> str:
    """A document's sentence on one line, with nothing left that would read as a marker, a link, a list or code."""
    line = " ".join(_without_paths(text).replace("`", "'").split())
    line = re.sub(r"!?\[([^\[\]]*+)\]\((?:[^()]++|\([^()]*+\))*+\)", r"\1", line)
    line = re.sub(r"[\[【［]([^\[\]【】［］]*)[\]】］]", r"(\1)", line)
    line = re.sub(r"[\[\]【】［］]", "", line)
    line = re.sub(r"^(?:#+|[•▪◦●■*>|–—-])\s+", "", line)
    line = re.sub(r"^(\d{1,3})[.)](?=\s)", r"(\1)", line)  # or it would open a list of its own
    return " · ".join(cell.strip() for cell in line.strip("| ").split(" | ")) if line.count("|") > 1 else line


def _without_paths(text: str) -> str:
    """Records, "items[0].weight_kg: 38" on each line as JSON is stored, by their fields: "weight kg: 38"."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not is_record("\n".join(lines)) and not all(_INDEXED.match(line) for line in lines):
        return text
    named = [f"{name}: {value}" for name, value in record_fields(text)]
    return " ".join([field if field[-1] in ".!?…" else field + ";" for field in named[:-1]] + named[-1:])


def record_fields(text: str) -> list[tuple[str, str]]:
    """Names and values of a record's fields, or of the lines of one."""
    lines = (line.strip().split(": ", 1) for line in text.splitlines() if line.strip())
    return [(_last_name(path), value) for path, value in lines]


def _last_name(path: str) -> str:
    """The last name of a path without its index: "weight kg" of "items[0].weight_kg[1]"."""
    return re.sub(r"\[\d+\]", "", path).rsplit(".", 1)[-1].replace("_", " ").strip() or path


def replace_outside_code(
    pattern: re.Pattern[str], replacement: str | Callable[[re.Match[str]], str], text: str
) -> str:
    """The text with every match replaced that does not begin in code between backticks; it may hold some."""

    def replace(found: re.Match[str]) -> str:
        if found["code"] is not None:
            return found.group()
        return found.expand(replacement) if isinstance(replacement, str) else replacement(found)

    return _or_code(pattern).sub(replace, text)


@cache
def _or_code(pattern: re.Pattern[str]) -> re.Pattern[str]:
    return re.compile(f"{pattern.pattern}|(?P<code>{CODE.pattern})", pattern.flags | CODE.flags)


def _outside_code(text: str, rewrite: Callable[[str], str]) -> str:
    """The text with everything rewritten that is no code between backticks."""
    parts: list[str] = []
    begin = 0
    for code in CODE.finditer(text):
        parts += [rewrite(text[begin : code.start()]), code.group()]
        begin = code.end()
    return "".join([*parts, rewrite(text[begin:])])


def _normalise(text: str, known: Set[int]) -> str:
    text = _IMAGE.sub(_description, text)
    text = _MARKER.sub(lambda match: _held(match, known), text)
    text = _HELD_RUN.sub(_without_repetitions, text)
    return _HELD.sub(r"[\1]", text)


def _description(image: re.Match[str]) -> str:
    """What an image is of; one of a number is a marker behind an exclamation mark."""
    return f"![{image[1]}]" if image[1].isdecimal() else image[1]


def _held(match: re.Match[str], known: Set[int]) -> str:
    numbers = [number for number in _expand(match[1]) if number in known]
    if not numbers:  # what stood on either side stays apart: an address must not become the end of a word
        return " " if match.string[match.end() : match.end() + 1].isalnum() else ""
    blank = match.group()[: len(match.group()) - len(match.group().lstrip())]
    return blank + "".join(f"{_OPEN}{number}{_CLOSE}" for number in numbers)


def _expand(listing: str) -> list[int]:
    numbers: list[int] = []
    for part in re.split(r"[,;&]|and", listing, flags=re.IGNORECASE):
        ends = [int(end) for end in re.findall(r"\d+", part) if len(end) <= _MAX_DIGITS]
        if len(ends) == 2 and ends[0] < ends[1] <= ends[0] + _MAX_RANGE:
            numbers += range(ends[0], ends[1] + 1)
        else:
            numbers += ends
    return numbers


def _without_repetitions(run: re.Match[str]) -> str:
    return "".join(f"{_OPEN}{number}{_CLOSE}" for number in dict.fromkeys(_HELD.findall(run.group())))
