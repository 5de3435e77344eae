# SPDX-License-Identifier: Apache-2.0
"""How framebuffers keep their pixels.

The formats are those of MicroPython's ``framebuf``
(https://docs.micropython.org/en/latest/library/framebuf.html#constants). A row begins at a whole
byte, or, where 8 pixels lie below each other, a column does.
"""

from __future__ import annotations

from collections.abc import Callable

from belay_jupyter.views.png import png

__all__ = ["BITS", "FORMATS", "picture", "size_of"]

BITS = {
    "MONO_VLSB": 1,
    "MONO_HLSB": 1,
    "MONO_HMSB": 1,
    "GS2_HMSB": 2,
    "GS4_HMSB": 4,
    "GS8": 8,
    "RGB565": 16,
    "RGB565_SWAPPED": 16,
}
"""Bits of a pixel. ``RGB565_SWAPPED`` is what drivers keep that send it as it lies in memory: the
high byte first."""

FORMATS = ("MONO_VLSB", "RGB565", "GS4_HMSB", "MONO_HLSB", "MONO_HMSB", "GS2_HMSB", "GS8")
"""By the numbers that framebuf has for them."""


def size_of(width: int, height: int, format: str) -> int:
    """Bytes that a picture takes."""
    if format == "MONO_VLSB":
        return (height + 7) // 8 * width
    return (width * BITS[format] + 7) // 8 * height


def picture(data: bytes, width: int, height: int, format: str) -> bytes:
    """A framebuffer as PNG.

    Raises:
        ValueError: there are fewer bytes than the picture needs.
    """
    needed = size_of(width, height, format)
    if len(data) < needed:
        raise ValueError(
            f"{width} x {height} pixels of {format} take {needed} bytes, and there are {len(data)}"
        )
    if BITS[format] == 16:
        order = (1, 0) if format == "RGB565" else (0, 1)
        rows = [_colours(data[y * width * 2 : (y + 1) * width * 2], order) for y in range(height)]
        return png(width, height, rows, 3)
    pixel = _grey(data, width, format)
    rows = [bytes(pixel(x, y) for x in range(width)) for y in range(height)]
    return png(width, height, rows, 1)


def _colours(row: bytes, order: tuple[int, int]) -> bytes:
    high, low = row[order[0] :: 2], row[order[1] :: 2]
    colours = bytearray()
    for number in (one << 8 | other for one, other in zip(high, low, strict=True)):
        red, green, blue = number >> 11, number >> 5 & 63, number & 31
        colours += bytes((red * 255 // 31, green * 255 // 63, blue * 255 // 31))
    return bytes(colours)


def _grey(data: bytes, width: int, format: str) -> Callable[[int, int], int]:
    if format == "MONO_VLSB":
        return lambda x, y: 255 * (data[(y >> 3) * width + x] >> (y & 7) & 1)
    bits = BITS[format]
    line, each, most = (width * bits + 7) // 8, 8 // bits, (1 << bits) - 1

    def pixel(x: int, y: int) -> int:
        place = x % each
        # HLSB: the left one of 8 pixels is the highest bit. HMSB: it is the lowest; but of GS4 the
        # left one of two is the upper half.
        if format in ("MONO_HLSB", "GS4_HMSB"):
            place = each - 1 - place
        return (data[y * line + x // each] >> place * bits & most) * 255 // most

    return pixel
