r"""Makes text from documents, file names and models harmless before Streamlit reads it as Markdown.

An answer can hold what a hostile document smuggled into it: an image that reports the reader to its author's
server, a link with a trustworthy face, HTML. Nothing of that is rendered. Addresses and shortcodes stay readable
as inline code: Streamlit links and replaces those *after* parsing, where a backslash no longer protects them.
"""

from __future__ import annotations

import re
import string
from collections.abc import Mapping
from html import escape
from typing import NamedTuple

_ACTIVE = re.compile(
    r"(?P<code>"
    r"[a-z][a-z0-9+.-]*://[^\s`<>\[\]()|]+"  # addresses of any scheme
    r"|www\.[^\s`<>\[\]()|]+"
    r"|[\w.+-]+@[\w-]+(?:\.[\w-]+)+"  # mail addresses
    r"|(?<![\w:]):[+-]?[a-z0-9][\w+/-]*:"  # :shortcodes: of emoji and icons
    r")|(?P<mark>[\\<&$`~_!\[\]{}]|:(?=[a-z]))",
    re.IGNORECASE,
)
# What the service takes for code when it looks for markers, and a marker outside it.
_MARKER = re.compile(r"(?<!`)`[^`\n]+`(?!`)|\[(?P<number>[0-9]{1,6})\]")
_FENCE = re.compile(r" {0,3}```")
_CONTROL = re.compile("[\u0000-\u0008\u000b-\u001f\u007f-\u009f]")
# With zero-width and direction-changing characters one name can look like another.
_DECEPTIVE = re.compile("[\u0000-\u001f\u007f-\u009f\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_DECEPTIVE_IN_LINES = re.compile(f"(?![\n\t]){_DECEPTIVE.pattern}")
_PUNCTUATION = re.compile(f"([{re.escape(string.punctuation)}])")


class Segment(NamedTuple):
    """A stretch of an answer that is shown either as code or as Markdown."""

    text: str
    is_code: bool


def split_code(text: str) -> list[Segment]:
    """Separate fenced code, which is shown literally, from the rest.

    A fence that is not closed lasts to the end, as it does while an answer is streaming.
    """
    segments: list[Segment] = []
    lines: list[str] = []
    in_code = False
    for line in text.split("\n"):
        if _FENCE.match(line):
            segments.append(Segment("\n".join(lines), in_code))
            lines, in_code = [], not in_code
        else:
            lines.append(line)
    segments.append(Segment("\n".join(lines), in_code))
    return [segment for segment in segments if segment.text.strip()]


def safe_markdown(text: str) -> str:
    """Keep headings, lists, tables and emphasis; show images, links, HTML and formulas as they were typed."""
    return _ACTIVE.sub(_neutralise, _CONTROL.sub("\ufffd", text.replace("\r\n", "\n")))


def linked_markdown(text: str, links: Mapping[int, str]) -> str:
    """`safe_markdown`, in which the marker `[n]` is a link to `links[n]`, an address of our own making.

    Markers in code between backticks, and those that lead nowhere, stay text.
    """
    parts: list[str] = []
    end = 0
    for found in _MARKER.finditer(text):
        number = found["number"]
        if number is not None and (link := links.get(int(number))):
            parts += [
                safe_markdown(text[end : found.start()]),
                f'[\\[{number}\\]]({link} "Show source {number}")',
            ]
            end = found.end()
    return "".join([*parts, safe_markdown(text[end:])])


def marked_html(before: str, marked: str, after: str) -> str:
    """A passage as HTML that keeps its lines and holds no other element than the mark."""
    shown = [escape(_DECEPTIVE_IN_LINES.sub("\ufffd", part)) for part in (before, marked, after)]
    style = "white-space: pre-wrap; overflow-wrap: anywhere; margin: 0"
    return f'<p dir="auto" style="{style}">{shown[0]}<mark>{shown[1]}</mark>{shown[2]}</p>'


def one_line(text: str) -> str:
    """White space collapsed and nothing invisible left, for places that show text literally."""
    return _DECEPTIVE.sub("\ufffd", " ".join(text.split()))


def safe_label(text: str, *, limit: int = 80) -> str:
    """One line of plain text for places that read Markdown; longer text ends in an ellipsis."""
    line = one_line(text)
    if len(line) > limit:
        line = line[: limit - 1] + "…"
    parts: list[str] = []
    end = 0
    for active in _ACTIVE.finditer(line):
        if active["code"]:
            parts += [_escape(line[end : active.start()]), f"`{active['code']}`"]
            end = active.end()
    return "".join([*parts, _escape(line[end:])])


def _neutralise(match: re.Match[str]) -> str:
    return f"`{match['code']}`" if match["code"] else f"\\{match['mark']}"


def _escape(text: str) -> str:
    return _PUNCTUATION.sub(r"\\\1", text)
