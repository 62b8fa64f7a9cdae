"""HTML as text that reads like the page: headings, paragraphs, lists and tables, without what a reader does not see.

libxml2 tells the tags as they come and keeps no tree, so neither depth nor number of elements costs memory; parsers
that build HTML5's tree take minutes for 100,000 nested elements.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from app.ingestion.decoding import Decoded, decode
from app.ingestion.flowing_text import LINE, PARAGRAPH, FlowingText
from app.ingestion.media_types import HTML
from app.ingestion.parsed import Extraction, ParsedDocument, ParseLimits

_FEED_BYTES = 1 << 16
_ENCODING_WITHIN = 4096
_META_ENCODING = re.compile(
    rb"<(?:meta|\?xml)\b[^>]*?(?:charset|encoding)\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE
)
# What HTML's names of encodings stand for; the larger code page is what browsers take for the smaller one.
_CODE_PAGES = {
    **dict.fromkeys(("ascii", "us-ascii", "iso-8859-1", "latin1", "windows-1252", "cp1252"), "cp1252"),
    **dict.fromkeys(("iso-8859-9", "windows-1254"), "cp1254"),
    **dict.fromkeys(("gb2312", "gbk", "gb18030"), "gb18030"),
    **dict.fromkeys(("shift_jis", "shift-jis", "x-sjis", "windows-31j"), "cp932"),
    **dict.fromkeys(("euc-kr", "ks_c_5601-1987"), "cp949"),
    **{f"iso-8859-{part}": f"iso8859_{part}" for part in (2, 3, 4, 5, 6, 7, 8, 10, 13, 14, 15, 16)},
    **{f"windows-{page}": f"cp{page}" for page in (874, 1250, 1251, 1253, 1255, 1256, 1257, 1258)},
    **{name: name for name in ("big5", "euc-jp", "koi8-r", "koi8-u")},
    "macintosh": "mac_roman",
}

_HEADINGS = frozenset(("h1", "h2", "h3", "h4", "h5", "h6"))
_PARAGRAPHS = frozenset(
    "article aside blockquote caption center dl fieldset figure figcaption footer form header hr main menu ol p section"
    " table ul address details".split()
)
_LINES = frozenset("br dd div dt legend li option summary tbody tfoot thead".split())
_LISTS = ("ol", "ul", "menu")
# Not part of what the page says: programs, controls, ways to other pages, readings beside Japanese words.
_LEFT_OUT = frozenset(
    "audio button canvas datalist embed head iframe input map math nav noembed noframes noscript object rp rt script"
    " select style svg template textarea video".split()
)
_INVISIBLE_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*(?:hidden|collapse)|(?:font-size|opacity)\s*:\s*0(?:\.0*)?(?![\d.])",
    re.IGNORECASE,
)


def parse_html(data: bytes, limits: ParseLimits) -> ParsedDocument:
    """Raises `UnknownEncoding`, `EmptyDocument` or `DocumentTooComplex`."""
    from lxml import etree

    decoded = decode(data, declared=_declared_encoding(data))
    page = _Page(limits)
    parser = etree.HTMLParser(target=page, encoding="utf-8", huge_tree=True)
    source = decoded.text.encode("utf-8", errors="replace")
    for start in range(0, len(source), _FEED_BYTES):
        parser.feed(source[start : start + _FEED_BYTES])
    if source:  # of nothing, it could not be closed
        parser.close()
    return page.document(decoded)


def _declared_encoding(data: bytes) -> str | None:
    found = _META_ENCODING.search(data[:_ENCODING_WITHIN])
    return _CODE_PAGES.get(found[1].decode("ascii", errors="replace").lower()) if found else None


class _Page:
    """Listens to the parser, which calls `start` and `end` in pairs, closing what the page leaves open."""

    def __init__(self, limits: ParseLimits) -> None:
        self._flow = FlowingText(limits)
        self._title: list[str] = []
        self._in_title = False
        self._left_out_within = 0
        self._hidden_within = 0
        self._hidden_chars = 0
        self._verbatim: list[str] | None = None
        # The next number of each list around the present place; None where its items have no numbers.
        self._lists: list[int | None] = []

    def start(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "title" and not self._title and not self._hidden_within:
            self._in_title = True
        if self._hidden_within or self._left_out_within:
            self._hidden_within += bool(self._hidden_within)
            self._left_out_within += bool(self._left_out_within)
        elif _is_hidden(attributes):
            self._hidden_within = 1
        elif tag in _LEFT_OUT or attributes.get("role") == "navigation":
            self._left_out_within = 1
        else:
            self._open(tag, attributes)

    def end(self, tag: str) -> None:
        if tag == "title":
            self._in_title = False
        if self._hidden_within:
            self._hidden_within -= 1
        elif self._left_out_within:
            self._left_out_within -= 1
        else:
            self._close(tag)

    def data(self, words: str) -> None:
        if self._in_title:
            self._title.append(words)
        elif self._hidden_within:
            self._hidden_chars += len(words.strip())
        elif self._left_out_within:
            pass
        elif self._verbatim is not None:
            self._verbatim.append(words)
        else:
            self._flow.add(words)

    def close(self) -> None:
        """The parser's last call; what is open by then was closed by it."""

    def document(self, decoded: Decoded) -> ParsedDocument:
        hidden = f"{self._hidden_chars:,} characters of hidden text were left out"
        extraction = Extraction(
            guessed=(decoded.warning,) if decoded.warning else (),
            dropped=(hidden,) if self._hidden_chars else (),
        )
        return self._flow.document(HTML, title="".join(self._title), extraction=extraction)

    def _open(self, tag: str, attributes: Mapping[str, str]) -> None:
        if tag == "tr":
            self._flow.start_row()
        elif tag in ("td", "th"):
            self._flow.start_cell()
        elif tag in _HEADINGS or tag in _PARAGRAPHS or tag == "pre":
            # A list within a list belongs to the item that it stands in.
            self._flow.end_line(LINE if tag in _LISTS and self._lists else PARAGRAPH)
        elif tag in _LINES:
            self._flow.end_line()
        if tag in _LISTS:
            self._lists.append(_number(attributes.get("start"), 1) if tag == "ol" else None)
        elif tag == "li":
            self._start_item(attributes)
        elif tag == "pre":
            self._verbatim = []

    def _close(self, tag: str) -> None:
        if tag == "tr":
            self._flow.end_row()
        elif tag in _HEADINGS:
            self._flow.end_line(PARAGRAPH, heading=True)
        elif tag == "pre":
            self._flow.add_verbatim("".join(self._verbatim or ()))
            self._verbatim = None
        elif tag in _PARAGRAPHS:
            self._flow.end_line(LINE if tag in _LISTS and len(self._lists) > 1 else PARAGRAPH)
        elif tag in _LINES and tag != "br":
            self._flow.end_line()
        if tag in _LISTS and self._lists:
            self._lists.pop()

    def _start_item(self, attributes: Mapping[str, str]) -> None:
        number = self._lists[-1] if self._lists else None
        if number is None:
            self._flow.mark_item("-", len(self._lists) - 1)
            return
        number = _number(attributes.get("value"), number)
        self._flow.mark_item(f"{number}.", len(self._lists) - 1)
        self._lists[-1] = number + 1


def _is_hidden(attributes: Mapping[str, str]) -> bool:
    return "hidden" in attributes or _INVISIBLE_STYLE.search(attributes.get("style", "")) is not None


def _number(written: str | None, default: int) -> int:
    """HTML's integers, within bounds: `int` alone would take seconds for a million digits."""
    return int(written) if written and re.fullmatch(r"\s*-?\d{1,9}\s*", written) else default
