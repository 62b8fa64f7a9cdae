"""Tell what a file is from its bytes first and its name second, and say so when the two disagree."""

from __future__ import annotations

from pathlib import PurePosixPath
from types import MappingProxyType

from app.errors import EmptyDocument, UnsupportedFormat

PDF = "application/pdf"
TEXT = "text/plain"
MARKDOWN = "text/markdown"
JSON = "application/json"
JSON_LINES = "application/x-ndjson"
HTML = "text/html"
CSV = "text/csv"
TSV = "text/tab-separated-values"
DOCX = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

EXTENSIONS = MappingProxyType(
    {
        ".pdf": PDF,
        ".txt": TEXT,
        ".text": TEXT,
        ".log": TEXT,
        ".md": MARKDOWN,
        ".markdown": MARKDOWN,
        ".json": JSON,
        ".jsonl": JSON_LINES,
        ".ndjson": JSON_LINES,
        ".html": HTML,
        ".htm": HTML,
        ".xhtml": HTML,
        ".csv": CSV,
        ".tsv": TSV,
        ".docx": DOCX,
    }
)

_PDF_NAME = "a PDF document"
_HTML_NAME = "an HTML page"
_XML_NAME = "an XML document"
_DOCX_NAME = "a Word document (DOCX)"
_OLE_NAME = "an old Microsoft Office document"
_SIGNATURES: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", _PDF_NAME),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"\x89PNG\r\n\x1a\n", "a PNG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"II*\x00", "a TIFF image"),
    (b"MM\x00*", "a TIFF image"),
    (b"RIFF", "a RIFF file (WebP, WAV or AVI)"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", _OLE_NAME),
    (b"{\\rtf", "an RTF document"),
    (b"%!PS", "a PostScript document"),
    (b"\x1f\x8b", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"BZh", "a bzip2 archive"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a Windows program"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"ID3", "an MP3 recording"),
    (b"OggS", "an Ogg recording"),
)
_ZIP_CONTENTS: tuple[tuple[bytes, str], ...] = (
    (b"word/", _DOCX_NAME),
    (b"xl/", "an Excel workbook (XLSX)"),
    (b"ppt/", "a PowerPoint presentation (PPTX)"),
    (b"epub+zip", "an EPUB book"),
    (b"opendocument", "an OpenDocument file"),
)
_MARKUP: tuple[tuple[bytes, str], ...] = (
    (b"<!doctype html", _HTML_NAME),
    (b"<html", _HTML_NAME),
    (b"<head", _HTML_NAME),
    (b"<body", _HTML_NAME),
    (b"<?xml", _XML_NAME),
)
# What content alone decides, and so reads a file without an extension too.
_READ_BY_CONTENT = MappingProxyType({_PDF_NAME: PDF, _HTML_NAME: HTML, _DOCX_NAME: DOCX})
_ZIP_DIRECTORY_WITHIN = 1 << 16
# Word puts a document with a password into an old container, under this name.
_ENCRYPTED_PACKAGE = "EncryptedPackage".encode("utf-16-le")
# PDF readers look for the header in this many bytes: some producers write a line of their own before it.
_PDF_HEADER_WITHIN = 1024
_ACCEPTED = "PDF, DOCX, HTML, plain text, Markdown, CSV, TSV, JSON and JSON Lines are read"


def detect_media_type(data: bytes, name: str) -> str:
    """The media type whose loader reads this file; one without an extension is taken by its content alone.

    Raises:
        EmptyDocument: zero bytes.
        UnsupportedFormat: no loader reads it, or the bytes are not what the name says; the message names both.
    """
    if not data:
        raise EmptyDocument("the file has no bytes")
    suffix = PurePosixPath(name).suffix.lower()
    promised = EXTENSIONS.get(suffix)
    if suffix and promised is None:
        raise UnsupportedFormat(f"no loader reads {suffix!r} files; {_ACCEPTED}")
    found = _recognise(data)
    if promised is None:
        if found is None or found in _READ_BY_CONTENT:
            return TEXT if found is None else _READ_BY_CONTENT[found]
        raise UnsupportedFormat(f"the content is {found}; {_ACCEPTED}")
    if _keeps_promise(promised, found, data):
        return promised
    raise UnsupportedFormat(
        f"the name ends in {suffix!r}, but the content is {found or _guess(data)}; {_ACCEPTED}"
    )


def _keeps_promise(promised: str, found: str | None, data: bytes) -> bool:
    if promised == PDF:
        return found == _PDF_NAME or (found is None and b"%PDF-" in data[:_PDF_HEADER_WITHIN])
    if promised == DOCX:
        return found == _DOCX_NAME or (found == _OLE_NAME and _ENCRYPTED_PACKAGE in data)
    if promised == HTML:
        is_xhtml = found == _XML_NAME and b"<html" in data[:4096].lower()
        return found in (None, _HTML_NAME) or is_xhtml
    # Notes may well begin with a tag; a page saved under any other name is an error page or a wrong file.
    return found is None or (found in (_HTML_NAME, _XML_NAME) and promised in (TEXT, MARKDOWN))


def _recognise(data: bytes) -> str | None:
    is_binary = b"\x00" in data[:512]
    for signature, what in _SIGNATURES:
        # A note may begin with the letters "RIFF" too, but holds no zero byte.
        if data.startswith(signature) and (is_binary or not signature.isalnum()):
            return what
    if data.startswith(b"PK\x03\x04"):
        inside = data[:4096] + data[-_ZIP_DIRECTORY_WITHIN:]
        return next((what for mark, what in _ZIP_CONTENTS if mark in inside), "a ZIP archive")
    if is_binary and data[4:8] == b"ftyp":
        return "a video (MP4)"
    start = data[:512]
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        start = start.decode("utf-16", errors="ignore").encode()
    start = start.lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    return next((what for mark, what in _MARKUP if start.startswith(mark)), None)


def _guess(data: bytes) -> str:
    return "binary data" if b"\x00" in data[:4096] else "text"
