"""The running text of a Word document: what a reader sees when all changes are accepted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from app.ingestion.docx_styles import Numberings, ParagraphFormat, Styles
from app.ingestion.flowing_text import LINE, PARAGRAPH, FlowingText

# Deleted or moved away, a second form of the same picture or text box, or the reading beside Japanese words.
_LEFT_OUT = frozenset(("del", "moveFrom", "Fallback", "rt"))
_TEXT = {"tab": "\t", "ptab": "\t", "br": "\n", "cr": "\n", "noBreakHyphen": "-"}
_OFF = ("0", "false", "off")
_NO_NOTES = ("separator", "continuationSeparator", "continuationNotice")


@dataclass
class _Paragraph:
    format: ParagraphFormat = field(default_factory=ParagraphFormat)
    words: list[str] = field(default_factory=list)


class DocxBody:
    """Listens to `document.xml`, then to the notes, and writes into `flow`."""

    def __init__(self, flow: FlowingText, styles: Styles, numberings: Numberings) -> None:
        self._flow = flow
        self._styles = styles
        self._numberings = numberings
        # A text box stands within a paragraph and holds paragraphs itself.
        self._paragraphs: list[_Paragraph] = []
        self._left_out_within = 0
        self._properties_within = 0
        self._is_text = False
        self._is_hidden = False
        self.hidden_chars = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if self._left_out_within or _is_left_out(name, attributes):
            self._left_out_within += 1
        elif name == "p":
            self._paragraphs.append(_Paragraph())
        elif name == "pPr":
            self._properties_within += 1
        elif self._properties_within:
            if self._paragraphs:
                self._paragraphs[-1].format.note(name, attributes.get("val", ""))
        elif name == "tr":
            self._flow.start_row()
        elif name == "tc":
            self._flow.start_cell()
        else:
            self._start_in_run(name, attributes)

    def end(self, name: str) -> None:
        if self._left_out_within:
            self._left_out_within -= 1
        elif name == "pPr":
            self._properties_within -= 1
        elif name == "p" and self._paragraphs:
            self._write(self._paragraphs.pop())
        elif name == "t":
            self._is_text = False
        elif name == "tr":
            self._flow.end_row()

    def data(self, text: str) -> None:
        if self._is_text and not self._left_out_within:
            self._add(text)

    def _start_in_run(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "r":
            self._is_hidden = False
        elif name == "vanish":
            self._is_hidden = attributes.get("val") not in _OFF
        elif name == "t":
            self._is_text = True
        elif name in _TEXT:
            self._add(_TEXT[name])

    def _add(self, text: str) -> None:
        if self._is_hidden:
            self.hidden_chars += len(text.strip())
        elif self._paragraphs:
            self._paragraphs[-1].words.append(text)

    def _write(self, paragraph: _Paragraph) -> None:
        text = "".join(paragraph.words)
        if not text.strip():
            return
        is_heading = self._styles.is_heading(paragraph.format)
        numbering, level = self._styles.numbering_of(paragraph.format)
        marker = self._numberings.marker(numbering, level) if numbering else ""
        if is_heading:
            self._flow.end_line(PARAGRAPH)
            self._flow.add(f"{marker} {text}")
            self._flow.end_line(PARAGRAPH, heading=True)
            return
        gap = LINE if marker else PARAGRAPH
        self._flow.end_line(gap)
        if marker:
            self._flow.mark_item(marker, level)
        for line in text.split("\n"):
            self._flow.add(line)
            self._flow.end_line()
        self._flow.end_line(gap)


def _is_left_out(name: str, attributes: Mapping[str, str]) -> bool:
    # A `…PrChange` holds the properties from before a change.
    is_no_note = name in ("footnote", "endnote") and attributes.get("type") in _NO_NOTES
    return name in _LEFT_OUT or name.endswith("PrChange") or is_no_note
