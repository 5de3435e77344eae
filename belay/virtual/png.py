# SPDX-License-Identifier: Apache-2.0
"""Pictures as PNG files (ISO/IEC 15948), of rows of pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

__all__ = ["png"]

Colour = tuple[int, int, int]


def png(rows: Sequence[Sequence[Colour]], scale: int = 1) -> bytes:
    """A picture of these pixels.

    Args:
        rows: from top to bottom, of red, green and blue from 0 to 255, all of one length.
        scale: pixels of the picture for each.
    """
    height, width = len(rows) * scale, (len(rows[0]) if rows else 0) * scale
    lines = []
    for row in rows:
        line = b"\0" + b"".join(bytes(pixel) * scale for pixel in row)
        lines.append(line * scale)

    def chunk(kind: bytes, data: bytes) -> bytes:
        check = zlib.crc32(kind + data)
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"".join(lines), 9))
        + chunk(b"IEND", b"")
    )
