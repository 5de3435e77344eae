# SPDX-License-Identifier: Apache-2.0
"""A display of 128 by 64 or 32 dots with the commands of Solomon Systech's SSD1306."""

from __future__ import annotations

from ..i2c import Device

__all__ = ["Ssd1306"]

WIDTH, PAGES = 128, 8

# Commands that take bytes, and how many (data sheet, table 9 and its application note).
_ARGUMENTS = {
    0x20: 1,
    0x21: 2,
    0x22: 2,
    0x81: 1,
    0x8D: 1,
    0xA8: 1,
    0xD3: 1,
    0xD5: 1,
    0xD9: 1,
    0xDA: 1,
    0xDB: 1,
    0x26: 6,
    0x27: 6,
    0x29: 5,
    0x2A: 5,
    0xA3: 2,
    0xAD: 1,
}
_HORIZONTAL, _VERTICAL, _PAGE = 0, 1, 2


class Ssd1306(Device):
    """One display, switched off as after power-on.

    Args:
        height: 64 or 32 rows of dots.
        address: 0x3C or 0x3D, as its pin D/C says.

    Attributes:
        memory: its 8 pages of 128 columns, a byte for 8 dots one below the other.
        on: whether it shows anything.
        inverted: dark on light.
        contrast: 0 to 255.
    """

    def __init__(self, height: int = 64, address: int = 0x3C) -> None:
        self.address, self.height = address, height
        self.memory = bytearray(WIDTH * PAGES)
        self.on = self.inverted = self._all_on = self._charged = False
        self._mirrored = self._upside_down = False
        self.contrast = 0x7F
        self._mode, self._columns, self._rows = _PAGE, (0, WIDTH - 1), (0, PAGES - 1)
        self._column = self._page = self._start_line = 0
        self._offset = 0
        self._control: int | None = None
        self._pending: list[int] = []

    # ---- the bus

    def start(self, reading: bool) -> bool:
        """A control byte comes first."""
        self._control = None
        return True

    def write(self, data: bytes) -> int:
        """Control bytes, commands and dots (data sheet, 8.1.5.2)."""
        for byte in data:
            if self._control is None:
                self._control = byte
                continue
            (self._dots if self._control & 0x40 else self._take)(byte)
            if self._control & 0x80:  # one byte only, then the next control byte
                self._control = None
        return len(data)

    def read(self, count: int) -> bytes:
        """The status: bit 6 says that the display is off."""
        return bytes([0x00 if self.on else 0x40]) * count

    # ---- commands

    def _take(self, byte: int) -> None:
        self._pending.append(byte)
        command = self._pending[0]
        if len(self._pending) > _ARGUMENTS.get(command, 0):
            arguments, self._pending = self._pending[1:], []
            self._do(command, arguments)

    def _do(self, command: int, values: list[int]) -> None:
        if command < 0x23:
            self._set_place(command, values)
        elif 0x40 <= command < 0x80:
            self._start_line = command & 63
        elif command == 0x81:
            self.contrast = values[0]
        elif command == 0x8D:
            self._charged = bool(values[0] & 4)
        elif command in (0xA0, 0xA1):
            self._mirrored = bool(command & 1)
        elif command in (0xA4, 0xA5):
            self._all_on = bool(command & 1)
        elif command in (0xA6, 0xA7):
            self.inverted = bool(command & 1)
        elif command in (0xAE, 0xAF):
            self.on = bool(command & 1)
        elif 0xB0 <= command <= 0xB7:
            self._page = command & 7
        elif command in (0xC0, 0xC8):
            self._upside_down = bool(command & 8)
        elif command == 0xD3:
            self._offset = values[0] & 63

    def _set_place(self, command: int, values: list[int]) -> None:
        if command < 0x10:
            self._column = self._column & 0xF0 | command
        elif command < 0x20:
            self._column = self._column & 0x0F | (command & 7) << 4
        elif command == 0x20:
            self._mode = values[0] & 3
        elif command == 0x21:
            self._columns = (values[0] & 127, values[1] & 127)
            self._column = self._columns[0]
        else:
            self._rows = (values[0] & 7, values[1] & 7)
            self._page = self._rows[0]

    def _dots(self, byte: int) -> None:
        self.memory[self._page * WIDTH + self._column] = byte
        if self._mode == _PAGE:
            self._column = (self._column + 1) % WIDTH
        elif self._mode == _HORIZONTAL:
            self._column, wrapped = _next(self._column, self._columns)
            if wrapped:
                self._page, _ = _next(self._page, self._rows)
        else:
            self._page, wrapped = _next(self._page, self._rows)
            if wrapped:
                self._column, _ = _next(self._column, self._columns)

    # ---- what can be seen

    def rows(self) -> list[list[bool]]:
        """The dots that light, from the top; as modules are built, mirrored twice is upright."""
        if not self.on or not self._charged:
            return [[False] * WIDTH for _ in range(self.height)]
        picture = []
        for y in range(self.height):
            row = y if self._upside_down else self.height - 1 - y
            line = (row + self._start_line + self._offset) % 64
            page, bit = line >> 3, line & 7
            dots = [bool(self.memory[page * WIDTH + x] >> bit & 1) for x in range(WIDTH)]
            if not self._mirrored:
                dots.reverse()
            if self._all_on:
                dots = [True] * WIDTH
            picture.append([dot != self.inverted for dot in dots])
        return picture


def _next(at: int, window: tuple[int, int]) -> tuple[int, bool]:
    """The next place in a window, and whether that is its beginning again."""
    return (window[0], True) if at == window[1] else ((at + 1) & 127, False)
