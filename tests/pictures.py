"""Looks at the PNG files that the service draws: how large they are and where they are yellow."""

from __future__ import annotations

import struct
import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Picture:
    """`pixels` has the shape (height, width, 3)."""

    pixels: NDArray[np.uint8]

    @property
    def size(self) -> tuple[int, int]:
        return self.pixels.shape[1], self.pixels.shape[0]

    def yellow(self) -> tuple[float, float, float, float] | None:
        """Left, top, right and bottom of what is marked, as shares of the page."""
        red, blue = self.pixels[..., 0].astype(int), self.pixels[..., 2].astype(int)
        rows, columns = np.nonzero(red - blue > 60)
        if not len(rows):
            return None
        width, height = self.size
        return (
            float(columns.min() / width),
            float(rows.min() / height),
            float(columns.max() / width),
            float(rows.max() / height),
        )


def read_png(data: bytes) -> Picture:
    """An RGB picture of one part, its rows unfiltered, as this service writes them; checks every checksum."""
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    parts: dict[bytes, bytes] = {}
    at = 8
    while at < len(data):
        (length,) = struct.unpack(">I", data[at : at + 4])
        name, content = data[at + 4 : at + 8], data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(name + content)
        parts[name] = content
        at += 12 + length
    width, height = struct.unpack(">II", parts[b"IHDR"][:8])
    rows = np.frombuffer(zlib.decompress(parts[b"IDAT"]), dtype=np.uint8).reshape(height, 1 + 3 * width)
    assert not rows[:, 0].any()
    return Picture(rows[:, 1:].reshape(height, width, 3))
