# SPDX-License-Identifier: Apache-2.0
"""Pictures as PNG, without a library: what a display shows is small."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Sequence

__all__ = ["png"]


def png(width: int, height: int, rows: Sequence[bytes], channels: int) -> bytes:
    """A PNG of 8 bits a channel (https://www.w3.org/TR/png-3/).

    Args:
        width: of it, in pixels.
        height: of it, in pixels.
        rows: from top to bottom, each of ``width * channels`` bytes.
        channels: 1 is grey, 3 is red, green and blue.
    """
    header = struct.pack(">IIBBBBB", width, height, 8, {1: 0, 3: 2}[channels], 0, 0, 0)
    data = zlib.compress(b"".join(b"\0" + row for row in rows), 9)  # 0: the row is not filtered
    chunks = ((b"IHDR", header), (b"IDAT", data), (b"IEND", b""))
    parts = (
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)
