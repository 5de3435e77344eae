# SPDX-License-Identifier: Apache-2.0
"""Draws the kernel's logos, a chip with a coil of rope: ``python kernelspec/draw_logos.py``.

The shapes are ours and so is the licence of the pictures, that of the repository. The SVG and the
PNGs are made from the same numbers, with the standard library alone.
"""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

FOLDER = Path(__file__).resolve().parent
SIZES = (32, 64)

Colour = tuple[int, int, int]
Rectangle = tuple[float, float, float, float, float, Colour]  # x, y, width, height, radius

_SLATE: Colour = (38, 50, 56)
_ROPE: Colour = (255, 143, 0)
_PIN: Colour = (144, 164, 174)
_LIGHT: Colour = (236, 239, 241)

_PLACES = (17.0, 29.0, 41.0)

SHAPES: list[Rectangle] = [
    *((x, 5.0, 6.0, 54.0, 2.0, _PIN) for x in _PLACES),
    *((5.0, y, 54.0, 6.0, 2.0, _PIN) for y in _PLACES),
    (11.0, 11.0, 42.0, 42.0, 7.0, _SLATE),
    (18.0, 18.0, 28.0, 28.0, 14.0, _ROPE),
    (24.0, 24.0, 16.0, 16.0, 8.0, _SLATE),
    (30.0, 30.0, 4.0, 4.0, 2.0, _LIGHT),
]
"""On a square of 64 x 64, later ones above earlier ones. With a radius of half its size, a
rectangle is a circle."""


def svg() -> str:
    """The picture as SVG."""
    lines = [
        f'  <rect x="{x:g}" y="{y:g}" width="{w:g}" height="{h:g}" rx="{r:g}" '
        f'fill="#{red:02x}{green:02x}{blue:02x}"/>'
        for x, y, w, h, r, (red, green, blue) in SHAPES
    ]
    head = '<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64" viewBox="0 0 64 64">'
    return "\n".join([head, *lines, "</svg>", ""])


def png(size: int, samples: int = 4) -> bytes:
    """The picture as PNG.

    Args:
        size: its width and height in pixels.
        samples: points per pixel in each direction, for smooth edges.
    """
    rows = []
    for row in range(size):
        line = bytearray(b"\0")  # no filter
        for column in range(size):
            line += _pixel(column, row, size, samples)
        rows.append(bytes(line))
    header = struct.pack(">IIBBBBB", size, size, 8, 6, 0, 0, 0)  # 8 bits each of RGBA
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        [
            _chunk(b"IHDR", header),
            _chunk(b"IDAT", zlib.compress(b"".join(rows), 9)),
            _chunk(b"IEND"),
        ]
    )


def _pixel(column: int, row: int, size: int, samples: int) -> bytes:
    seen = [
        colour
        for i in range(samples)
        for j in range(samples)
        if (
            colour := _colour_at(
                (column + (i + 0.5) / samples) * 64 / size, (row + (j + 0.5) / samples) * 64 / size
            )
        )
    ]
    if not seen:
        return bytes(4)
    mixed = [round(sum(colour[k] for colour in seen) / len(seen)) for k in range(3)]
    return bytes([*mixed, round(255 * len(seen) / samples**2)])


def _colour_at(x: float, y: float) -> Colour | None:
    for left, top, width, height, radius, colour in reversed(SHAPES):
        # How far beyond the rectangle that the centres of its round corners span?
        across = max(left + radius - x, x - (left + width - radius), 0.0)
        down = max(top + radius - y, y - (top + height - radius), 0.0)
        if across**2 + down**2 <= radius**2:
            return colour
    return None


def _chunk(kind: bytes, data: bytes = b"") -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def main() -> None:
    """Write the pictures beside this file."""
    (FOLDER / "logo-svg.svg").write_text(svg(), encoding="utf-8")
    for size in SIZES:
        (FOLDER / f"logo-{size}x{size}.png").write_bytes(png(size))


if __name__ == "__main__":
    main()
