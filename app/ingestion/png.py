"""Writes PNG files (ISO/IEC 15948) of plain RGB pixels: a header, the packed rows, an end."""

from __future__ import annotations

import struct
import zlib

_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_BITS, _RGB = 8, 2
_UNFILTERED = b"\0"
_BYTES_PER_PIXEL = 3
# Pages are mostly white: more effort takes three times as long and saves a tenth.
_LEVEL = 4


def encode_png(pixels: memoryview, *, width: int, height: int, stride: int) -> bytes:
    """`pixels` holds rows of `stride` bytes that begin with `width` triples of red, green and blue."""
    packer = zlib.compressobj(_LEVEL)
    packed = bytearray()
    for start in range(0, height * stride, stride):
        packed += packer.compress(_UNFILTERED + pixels[start : start + width * _BYTES_PER_PIXEL])
    packed += packer.flush()
    header = struct.pack(">IIBBBBB", width, height, _BITS, _RGB, 0, 0, 0)
    return b"".join((_SIGNATURE, _part(b"IHDR", header), _part(b"IDAT", bytes(packed)), _part(b"IEND", b"")))


def _part(name: bytes, content: bytes) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))
