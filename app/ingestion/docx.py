"""Word documents (DOCX): a ZIP archive of XML parts, of which only those with text and its structure are opened.

Nothing in it is run or fetched: no macro, no template, no picture, no linked file.
"""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from app.errors import CorruptDocument, DocumentTooComplex, EncryptedDocument
from app.ingestion.docx_body import DocxBody
from app.ingestion.docx_styles import Numberings, Styles
from app.ingestion.flowing_text import FlowingText
from app.ingestion.hardened_xml import XmlListener, read_xml
from app.ingestion.media_types import DOCX
from app.ingestion.parsed import Extraction, ParsedDocument, ParseLimits

# Unpacked; the text of the longest novels makes a tenth of it. A bomb is refused by what it declares, and one that
# declares less is cut off there and fails its checksum.
_MAX_PART_BYTES = 200 << 20
_MAX_PARTS = 20_000
_OLD_CONTAINER = b"\xd0\xcf\x11\xe0"
_ENCRYPTED_FLAG = 0x1


def parse_docx(data: bytes, limits: ParseLimits) -> ParsedDocument:
    """Text, notes at the end, headings and the numbers of lists; without headers, footers and comments.

    Raises:
        EncryptedDocument: a password is needed to open it.
        CorruptDocument: the archive or its XML is damaged, or declares entities.
        EmptyDocument: there is no word in it.
        DocumentTooComplex: more text, larger or deeper parts than can be read.
    """
    if data.startswith(_OLD_CONTAINER):
        raise EncryptedDocument("the document is protected by a password; upload a copy without one")
    with _opened(data) as archive:
        main = _find_main_part(archive)
        folder = main.rpartition("/")[0]
        styles, numberings, properties = Styles(), Numberings(), _Title()
        _read(archive, f"{folder}/styles.xml", styles)
        _read(archive, f"{folder}/numbering.xml", numberings)
        _read(archive, "docProps/core.xml", properties)
        flow = FlowingText(limits)
        body = DocxBody(flow, styles, numberings)
        if not _read(archive, main, body):
            raise CorruptDocument(f"the part {main!r}, which should hold its text, is missing")
        _read(archive, f"{folder}/footnotes.xml", body)
        _read(archive, f"{folder}/endnotes.xml", body)
        extraction = Extraction(dropped=tuple(_dropped(archive, body)))
    return flow.document(DOCX, title=properties.title, extraction=extraction)


@contextmanager
def _opened(data: bytes) -> Iterator[zipfile.ZipFile]:
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            if len(archive.filelist) > _MAX_PARTS:
                raise DocumentTooComplex(f"it has {len(archive.filelist):,} parts")
            yield archive
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, OSError, ValueError) as error:
        raise CorruptDocument(f"the document is damaged: {error}") from None


def _find_main_part(archive: zipfile.ZipFile) -> str:
    relationships = _Relationships()
    _read(archive, "_rels/.rels", relationships)
    return relationships.main_part


def _read(archive: zipfile.ZipFile, name: str, listener: XmlListener) -> bool:
    """Whether there is such a part."""
    try:
        part = archive.getinfo(name)
    except KeyError:
        return False
    if part.flag_bits & _ENCRYPTED_FLAG:
        raise EncryptedDocument("the document is protected by a password; upload a copy without one")
    if part.file_size > _MAX_PART_BYTES:
        raise DocumentTooComplex(
            f"its part {name!r} unpacks to {part.file_size >> 20:,} MiB; at most {_MAX_PART_BYTES >> 20} are read"
        )
    with archive.open(part) as source:
        read_xml(source, listener, max_bytes=_MAX_PART_BYTES)
    return True


def _dropped(archive: zipfile.ZipFile, body: DocxBody) -> Iterator[str]:
    if body.hidden_chars:
        yield f"{body.hidden_chars:,} characters of hidden text were left out"
    names = {part.filename.rpartition("/")[2] for part in archive.filelist}
    if "comments.xml" in names:
        yield "comments were left out"
    if "vbaProject.bin" in names:
        yield "macros were left out; they are never run"


class _Relationships:
    """Listens to `_rels/.rels`, which says where the text is; Word always takes the same place."""

    def __init__(self) -> None:
        self.main_part = "word/document.xml"

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if name == "Relationship" and attributes.get("Type", "").endswith("/officeDocument"):
            self.main_part = attributes.get("Target", "").lstrip("/")

    def end(self, name: str) -> None:
        """Elements hold nothing but attributes."""

    def data(self, text: str) -> None:
        """Only white space."""


class _Title:
    """Listens to the core properties."""

    def __init__(self) -> None:
        self.title = ""
        self._is_open = False

    def start(self, name: str, attributes: Mapping[str, str]) -> None:  # noqa: ARG002  # a listener's signature
        self._is_open = name == "title"

    def end(self, name: str) -> None:  # noqa: ARG002
        self._is_open = False

    def data(self, text: str) -> None:
        if self._is_open:
            self.title += text
