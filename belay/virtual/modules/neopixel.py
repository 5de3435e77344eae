# SPDX-License-Identifier: Apache-2.0
"""Rows of WS2812 and SK6812 lights."""

from machine import bitstream

_TIMING = (350, 850, 700, 550), (400, 850, 800, 450)  # nanoseconds, of 400 and 800 kHz parts


class NeoPixel:
    ORDER = (1, 0, 2, 3)

    def __init__(self, pin, n, bpp=3, timing=1):
        self.pin, self.n, self.bpp = pin, n, bpp
        self.buf = bytearray(n * bpp)
        self.pin.init(pin.OUT)
        self.timing = _TIMING[1 if timing else 0] if isinstance(timing, int) else timing

    def __len__(self):
        return self.n

    def _place(self, index):
        if index < 0:
            index += self.n
        if not 0 <= index < self.n:
            raise IndexError("index out of range")
        return index * self.bpp

    def __setitem__(self, index, color):
        at = self._place(index)
        for channel in range(self.bpp):
            self.buf[at + self.ORDER[channel]] = color[channel]

    def __getitem__(self, index):
        at = self._place(index)
        return tuple([self.buf[at + self.ORDER[channel]] for channel in range(self.bpp)])

    def fill(self, color):
        for index in range(self.n):
            self[index] = color

    def write(self):
        bitstream(self.pin, 0, self.timing, self.buf)
