"""Bytes of a text file to characters: never silently the wrong ones."""

from __future__ import annotations

import codecs
import re
import unicodedata
from dataclasses import dataclass

from app.errors import UnknownEncoding
from app.ingestion.legacy_encodings import guess_encoding

# The longer mark first: UTF-32's begins with UTF-16's.
_BYTE_ORDER_MARKS: tuple[tuple[bytes, str], ...] = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_MAX_ZERO_BYTES = 0.2
_UTF8_SHAPED = re.compile(rb"[\xc0-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf7][\x80-\xbf]{3}")
_HIGH_BYTES = re.compile(rb"[\x80-\xff]")
_ISO_2022_JP = re.compile(rb"\x1b\$[@B]")


@dataclass(frozen=True)
class Decoded:
    """`warning` says what had to be guessed or replaced."""

    text: str
    warning: str | None = None


def decode(data: bytes, *, declared: str | None = None) -> Decoded:
    """Read by byte order mark, as UTF-8, as UTF-16 without mark, then by what makes the likeliest text.

    `declared` is a code page that the file claims for itself; it is believed where the bytes are not UTF-8.

    Raises:
        UnknownEncoding: binary data, or several encodings are as likely and give different texts.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if data.startswith(mark):
            return _decode_strictly(data, encoding)
    if _ISO_2022_JP.search(data) and max(data) < 0x80:
        return _decode_strictly(data, "iso2022_jp")
    if b"\x00" in data:
        return _without_zero_bytes(data) or _decode_utf16(data)
    try:
        return Decoded(data.decode("utf-8"))
    except UnicodeDecodeError:
        pass
    return _decode_code_page(data, declared)


def _decode_code_page(data: bytes, declared: str | None) -> Decoded:
    if declared is not None:
        return _decode_as_declared(data, declared)
    if _is_damaged_utf8(data):
        # Overlong forms and surrogates among it must not become "/" or mojibake.
        return Decoded(
            data.decode("utf-8", errors="replace"), "bytes that are not UTF-8 were replaced by U+FFFD"
        )
    return _decode_legacy(data)


def _decode_strictly(data: bytes, encoding: str) -> Decoded:
    try:
        return Decoded(data.decode(encoding))
    except UnicodeDecodeError as error:
        raise UnknownEncoding(
            f"the text is marked as {encoding.removesuffix('-sig')}, but byte {error.start} is not"
        ) from None


def _decode_as_declared(data: bytes, encoding: str) -> Decoded:
    try:
        return Decoded(data.decode(encoding))
    except UnicodeDecodeError:
        text = data.decode(encoding, errors="replace")
        return Decoded(
            text, f"bytes that are not {encoding}, as the file claims to be, were replaced by U+FFFD"
        )


def _without_zero_bytes(data: bytes) -> Decoded | None:
    """A few zero bytes within UTF-8 come from faulty exports; UTF-16 has more of them, or control characters."""
    if data.count(0) > _MAX_ZERO_BYTES * len(data):
        return None
    try:
        text = data.replace(b"\x00", b"").decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if _is_binary(text) else Decoded(text, "zero bytes were left out")


def _decode_utf16(data: bytes) -> Decoded:
    """Without a mark the byte order shows in the spaces and line ends, which every longer text has."""
    best = ""
    for encoding in ("utf-16-le", "utf-16-be"):
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not _is_binary(text) and _count_ascii(text) > _count_ascii(best):
            best = text
    if not best:
        raise UnknownEncoding("the content is binary data, not text in a known encoding")
    return Decoded(best)


def _count_ascii(text: str) -> int:
    return sum(text.count(character) for character in " \n,.0e")


def _is_binary(text: str) -> bool:
    sample = text[:4096]
    junk = sum(
        unicodedata.category(c) in ("Cn", "Co", "Cs") or (c < " " and c not in "\t\n\r\f") for c in sample
    )
    return junk > len(sample) // 100


def _is_damaged_utf8(data: bytes) -> bool:
    high = len(_HIGH_BYTES.findall(data))
    shaped = sum(len(sequence) for sequence in _UTF8_SHAPED.findall(data))
    return shaped >= 0.95 * high


def _decode_legacy(data: bytes) -> Decoded:
    encoding = guess_encoding(data)
    try:
        return Decoded(data.decode(encoding), f"the encoding was taken to be {encoding}")
    except UnicodeDecodeError as error:
        raise UnknownEncoding(
            f"the text began as {encoding}, but byte {error.start} is not; save it as UTF-8"
        ) from None
