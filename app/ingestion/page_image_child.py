"""The process that draws one page: standard input is the page's stored text and the PDF, standard output a PNG.

`python -m app.ingestion.page_image_child '{"number": 3, "text_bytes": …, "span": [0, 20], …}'`. The answer's first line
is a JSON object with `pages`, how many the file has, and `share`, how much of the span was found on the page; no
PNG follows where there is no such page.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import pypdfium2
from pypdfium2 import raw

from app.errors import CorruptDocument
from app.ingestion.alignment import align
from app.ingestion.png import encode_png
from app.ingestion.sandbox_child import run

if TYPE_CHECKING:
    import ctypes

Box = tuple[float, float, float, float]
"""Left, bottom, right and top in points, the page's own coordinates."""

_SCALE = 2.0  # 144 dots per inch
_MAX_SIDE = 1600
_YELLOW = (255, 233, 110)
_OPAQUE, _WITHOUT_BORDER = 255, 0
_MARGIN = 1.0
# Boxes further apart than this share of their height are not joined into one.
_MAX_GAP = 2.0


def draw(data: bytes, request: dict[str, Any]) -> None:
    """Answer with the page as a PNG, the span of its text marked.

    Raises:
        CorruptDocument: PDFium cannot open the file or the page.
    """
    text_bytes, number = request["text_bytes"], request["number"]
    try:
        document = pypdfium2.PdfDocument(data[text_bytes:])
    except pypdfium2.PdfiumError as error:
        raise CorruptDocument(f"the PDF cannot be drawn: {error}") from None
    if number > len(document):
        _answer({"pages": len(document)})
        return
    try:
        page = document[number - 1]
        share = _mark(page, data[:text_bytes].decode(), request["span"]) if request["span"] else None
        _answer({"pages": len(document), "share": share}, _render(page))
    except pypdfium2.PdfiumError as error:
        raise CorruptDocument(f"page {number} cannot be drawn: {error}") from None


def _mark(page: pypdfium2.PdfPage, stored: str, span: Sequence[int]) -> float:
    """Lay yellow over the span; tell which share of it could be found on the page."""
    text_page = page.get_textpage()
    borders = page.get_bbox()
    boxes = [_box(text_page, index) for index in range(text_page.count_chars())]
    drawn = [
        chr(raw.FPDFText_GetUnicode(text_page, index)) if _is_within(box, borders) else ""
        for index, box in enumerate(boxes)
    ]
    found = align(stored, (span[0], span[1]), drawn)
    marked = [
        joined
        for start, end in found.runs
        for joined in _join(
            [box for box, shown in zip(boxes[start:end], drawn[start:end], strict=True) if shown]
        )
    ]
    _paint(page, marked)
    return found.share


def _box(text_page: pypdfium2.PdfTextPage, index: int) -> Box:
    """The character's place in its line, as high as the font; no area for those that PDFium has made up."""
    rectangle = raw.FS_RECTF()
    if not raw.FPDFText_GetLooseCharBox(text_page, index, rectangle):
        return (0.0, 0.0, 0.0, 0.0)
    return (rectangle.left, rectangle.bottom, rectangle.right, rectangle.top)


def _is_within(box: Box, borders: Box) -> bool:
    """Whether any of it is on the page: the stored text has nothing of what lies outside."""
    return box[0] < borders[2] and box[2] > borders[0] and box[1] < borders[3] and box[3] > borders[1]


def _join(boxes: Sequence[Box]) -> Iterator[Box]:
    """One box for all neighbours on a line, so that the spaces between words are marked as well."""
    joined: Box | None = None
    for box in boxes:
        if box[2] <= box[0] or box[3] <= box[1]:
            continue
        if joined is not None and _is_next(joined, box):
            joined = _union(joined, box)
            continue
        if joined is not None:
            yield joined
        joined = box
    if joined is not None:
        yield joined


def _union(one: Box, other: Box) -> Box:
    left, bottom = min(one[0], other[0]), min(one[1], other[1])
    return (left, bottom, max(one[2], other[2]), max(one[3], other[3]))


def _is_next(line: Box, box: Box) -> bool:
    height = min(line[3] - line[1], box[3] - box[1])
    overlap = min(line[3], box[3]) - max(line[1], box[1])
    gap = max(box[0] - line[2], line[0] - box[2])
    return overlap > height / 2 and gap < _MAX_GAP * height


def _paint(page: pypdfium2.PdfPage, boxes: Sequence[Box]) -> None:
    """As a marker does: dark letters stay dark, and light letters on a dark ground turn yellow.

    All boxes are one path, or it would be darker where they overlap.
    """
    if not boxes:
        return
    mark = raw.FPDFPageObj_CreateNewPath(0, 0)
    for left, bottom, right, top in boxes:
        raw.FPDFPath_MoveTo(mark, left - _MARGIN, bottom)
        raw.FPDFPath_LineTo(mark, right + _MARGIN, bottom)
        raw.FPDFPath_LineTo(mark, right + _MARGIN, top)
        raw.FPDFPath_LineTo(mark, left - _MARGIN, top)
        raw.FPDFPath_Close(mark)
    raw.FPDFPageObj_SetFillColor(mark, *_YELLOW, _OPAQUE)
    raw.FPDFPath_SetDrawMode(mark, raw.FPDF_FILLMODE_WINDING, _WITHOUT_BORDER)
    raw.FPDFPageObj_SetBlendMode(mark, b"Multiply")
    raw.FPDFPage_InsertObject(page, mark)


def _render(page: pypdfium2.PdfPage) -> bytes:
    longest = max(page.get_size())
    if not math.isfinite(longest) or longest <= 0:
        raise CorruptDocument(f"the page has no size that can be drawn: {page.get_size()}")
    scale = min(_SCALE, _MAX_SIDE / longest)
    bitmap = page.render(scale=scale, rev_byteorder=True, force_bitmap_format=raw.FPDFBitmap_BGR)
    buffer: ctypes.Array[ctypes.c_ubyte] = bitmap.buffer
    return encode_png(
        memoryview(buffer).cast("B"), width=bitmap.width, height=bitmap.height, stride=bitmap.stride
    )


def _answer(header: dict[str, Any], png: bytes = b"") -> None:
    output = sys.stdout.buffer
    output.write(json.dumps(header).encode() + b"\n" + png)
    output.flush()


if __name__ == "__main__":
    run(draw)
