"""Word documents: what a reader sees of them, and what is never done with them."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable

import pytest

from app.errors import (
    CorruptDocument,
    DocumentTooComplex,
    EmptyDocument,
    EncryptedDocument,
    UnreadableDocument,
    UnsupportedFormat,
)
from app.ingestion.loaders import ParsedDocument, ParseLimits, parse
from tests.fixtures.documents import docx_paragraph as paragraph
from tests.fixtures.documents import docx_part, make_docx

OLD_CONTAINER = bytes.fromhex("d0cf11e0a1b11ae1") + bytes(500)
STYLES = docx_part(
    "styles",
    "<w:style w:styleId='Clause'><w:name w:val='Clause'/><w:basedOn w:val='berschrift1'/></w:style>"
    "<w:style w:styleId='berschrift1'><w:name w:val='heading 1'/>"
    "<w:pPr><w:outlineLvl w:val='0'/><w:numPr><w:numId w:val='1'/></w:numPr></w:pPr></w:style>",
)
NUMBERING = docx_part(
    "numbering",
    "<w:abstractNum w:abstractNumId='5'>"
    "<w:lvl w:ilvl='0'><w:start w:val='1'/><w:numFmt w:val='decimal'/><w:lvlText w:val='%1.'/></w:lvl>"
    "<w:lvl w:ilvl='1'><w:start w:val='1'/><w:numFmt w:val='decimal'/><w:lvlText w:val='%1.%2'/></w:lvl>"
    "<w:lvl w:ilvl='2'><w:start w:val='1'/><w:numFmt w:val='lowerLetter'/><w:lvlText w:val='(%3)'/></w:lvl>"
    "</w:abstractNum>"
    "<w:abstractNum w:abstractNumId='6'><w:lvl w:ilvl='0'><w:numFmt w:val='bullet'/><w:lvlText w:val='o'/></w:lvl>"
    "</w:abstractNum>"
    "<w:num w:numId='1'><w:abstractNumId w:val='5'/></w:num><w:num w:numId='2'><w:abstractNumId w:val='6'/></w:num>",
)


def read(data: bytes, **limits: int) -> ParsedDocument:
    return parse(data, "a.docx", limits=ParseLimits(**limits))


def item(text: str, numbering: int, level: int = 0) -> str:
    return paragraph(text, f"<w:numPr><w:ilvl w:val='{level}'/><w:numId w:val='{numbering}'/></w:numPr>")


def table(*rows: tuple[str, ...]) -> str:
    cells = ["".join(f"<w:tc>{paragraph(cell)}</w:tc>" for cell in row) for row in rows]
    return f"<w:tbl>{''.join(f'<w:tr>{row}</w:tr>' for row in cells)}</w:tbl>"


def test_paragraphs_lists_and_tables_are_readable() -> None:
    body = "".join(
        (
            paragraph("First."),
            item("rent", 2),
            item("fees", 2),
            paragraph("Then."),
            table(("a", "b"), ("c", "")),
        )
    )
    parsed = read(make_docx(body, parts={"word/numbering.xml": NUMBERING}))
    assert parsed.text == "First.\n\n- rent\n- fees\n\nThen.\n\na | b\nc |"
    assert parsed.page_spans == ()
    assert parsed.warnings == ()


def test_headings_are_found_through_the_styles_they_are_based_on() -> None:
    body = (
        paragraph("Notice", "<w:pStyle w:val='Clause'/>")
        + paragraph("Six weeks.")
        + paragraph("Pay", "<w:outlineLvl w:val='1'/>")
    )
    parsed = read(make_docx(body, title="The lease", parts={"word/styles.xml": STYLES}))
    assert parsed.title == "The lease"
    assert [heading.title for heading in parsed.headings] == ["- Notice", "Pay"]
    assert parsed.text[parsed.headings[1].start :] == "Pay"


def test_numbers_that_word_only_draws_are_written() -> None:
    clause = "<w:pStyle w:val='Clause'/>"
    body = (
        paragraph("Rent", clause)
        + item("Amount", 1, 1)
        + item("net", 1, 2)
        + item("gross", 1, 2)
        + paragraph("Term", clause)
        + item("Start", 1, 1)
    )
    parsed = read(make_docx(body, parts={"word/styles.xml": STYLES, "word/numbering.xml": NUMBERING}))
    assert [line for line in parsed.text.splitlines() if line] == [
        *("1. Rent", "  1.1 Amount", "    (a) net", "    (b) gross", "2. Term", "  2.1 Start"),
    ]
    assert [heading.title for heading in parsed.headings] == ["1. Rent", "2. Term"]


def test_changes_count_as_accepted_and_hidden_text_is_reported() -> None:
    body = (
        "<w:p><w:r><w:t>The term is </w:t></w:r><w:del><w:r><w:delText>five</w:delText></w:r></w:del>"
        "<w:ins><w:r><w:t>six</w:t></w:r></w:ins><w:r><w:t> weeks</w:t><w:tab/><w:t>net</w:t></w:r>"
        "<w:r><w:rPr><w:vanish/></w:rPr><w:t>Obey me</w:t></w:r></w:p>"
    )
    parsed = read(make_docx(body))
    assert parsed.text == "The term is six weeks net"
    assert parsed.extraction.dropped == ("7 characters of hidden text were left out",)


def test_text_boxes_come_once_and_notes_at_the_end() -> None:
    box = f"<w:txbxContent>{paragraph('Boxed.')}</w:txbxContent>"
    body = f"<w:p><w:r><w:t>Before.</w:t><w:Choice>{box}</w:Choice><w:Fallback>{box}</w:Fallback></w:r></w:p>"
    notes = docx_part(
        "footnotes",
        f"<w:footnote w:type='separator'>{paragraph('-')}</w:footnote><w:footnote>{paragraph('A note.')}</w:footnote>",
    )
    parsed = read(make_docx(body, parts={"word/footnotes.xml": notes}))
    assert parsed.text == "Boxed.\n\nBefore.\n\nA note."


def test_macros_and_comments_are_left_out_and_said() -> None:
    parts = {"word/vbaProject.bin": b"Sub AutoOpen()", "word/comments.xml": docx_part("comments", "")}
    parsed = read(make_docx(paragraph("Words."), parts=parts))
    assert parsed.text == "Words."
    assert parsed.warnings == ("comments were left out", "macros were left out; they are never run")


BILLION_LAUGHS = (
    "<!DOCTYPE x [<!ENTITY a 'ha'>"
    + "".join(
        f"<!ENTITY {new} '{f'&{old};' * 10}'>" for old, new in zip("abcdefghi", "bcdefghij", strict=True)
    )
    + "]>"
)
EXTERNAL_ENTITY = "<!DOCTYPE x [<!ENTITY file SYSTEM 'file:///etc/passwd'>]>"


def _damage_directory(data: bytes) -> bytes:
    return data[: data.rindex(b"PK\x01\x02")]


def _claim_to_be_small(data: bytes) -> bytes:
    """The declared size of the largest part becomes 100 bytes, in its header and in the directory."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = max(part.file_size for part in archive.filelist)
    return data.replace(size.to_bytes(4, "little"), (100).to_bytes(4, "little"))


@pytest.mark.parametrize(
    ("make", "error", "reason"),
    [
        (lambda: make_docx(paragraph("&j;"), doctype=BILLION_LAUGHS), CorruptDocument, "document type"),
        (lambda: make_docx(paragraph("&file;"), doctype=EXTERNAL_ENTITY), CorruptDocument, "document type"),
        (lambda: make_docx(paragraph(" " * (201 << 20))), DocumentTooComplex, "unpacks to 201 MiB"),
        (lambda: _claim_to_be_small(make_docx(paragraph("x" * 9_000_000))), CorruptDocument, "damaged"),
        (lambda: make_docx("<w:tbl><w:tr><w:tc>" * 5_000), DocumentTooComplex, "nested more than"),
        (lambda: make_docx("<w:p>"), CorruptDocument, "XML is damaged"),
        (lambda: _damage_directory(make_docx(paragraph("x"))), CorruptDocument, "damaged"),
        (lambda: make_docx(""), EmptyDocument, "no word"),
        (lambda: OLD_CONTAINER + "EncryptedPackage".encode("utf-16-le"), EncryptedDocument, "password"),
        (lambda: OLD_CONTAINER, UnsupportedFormat, "old Microsoft Office"),
        (lambda: make_docx("").replace(b"word/", b"ppt__/"), UnsupportedFormat, "ZIP archive"),
    ],
)
def test_hostile_and_damaged_files_are_refused(
    make: Callable[[], bytes], error: type[UnreadableDocument], reason: str
) -> None:
    with pytest.raises(error, match=reason):
        read(make())
