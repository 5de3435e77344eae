# SPDX-License-Identifier: Apache-2.0
"""Parts on SPI buses: the converter MCP3008."""

from __future__ import annotations

from collections.abc import Callable

from .. import waves
from ..serialbus import SpiDevice

__all__ = ["Mcp3008"]

_REFERENCE = 3.3


class Mcp3008(SpiDevice):
    """Eight analogue inputs of 10 bits (data sheet 21295, section 5).

    Args:
        now: seconds since it was powered.
        pins: clock, MOSI, MISO.
        select: the pin that selects it.

    Attributes:
        inputs: volts at every moment, by channel.
    """

    def __init__(self, now: Callable[[], float], pins: tuple[int, int, int], select: int) -> None:
        self.pins, self.select = pins, select
        self.inputs = [waves.constant(0.0) for _ in range(8)]
        self._now = now
        self._bits: list[int] = []
        self._out: list[int] = []

    def selected(self, on: bool) -> None:
        """A falling select begins a conversation."""
        self._bits.clear()
        self._out.clear()

    def exchange(self, byte: int) -> int:
        """Bit by bit: start, kind, channel; then a bit of nothing, a null, and the result."""
        answer = 0
        for index in range(7, -1, -1):
            answer = answer << 1 | (self._out.pop(0) if self._out else 0)
            self._clock(byte >> index & 1)
        return answer

    def _clock(self, bit: int) -> None:
        if not self._bits and not bit:
            return  # leading zeros before the start bit
        self._bits.append(bit)
        if len(self._bits) == 5:
            _, single, *number = self._bits
            channel = number[0] << 2 | number[1] << 1 | number[2]
            value = self._value(channel, bool(single))
            self._out = [0, 0, *(value >> place & 1 for place in range(9, -1, -1))]

    def _value(self, channel: int, single: bool) -> int:
        now = self._now()
        volts = self.inputs[channel](now)
        if not single:
            volts -= self.inputs[channel ^ 1](now)
        return max(0, min(1023, int(volts / _REFERENCE * 1024)))
