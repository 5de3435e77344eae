# SPDX-License-Identifier: Apache-2.0
"""The few registers behind ``machine.mem32``: pins, the timer, the chip's identity, plain storage.

Addresses are those of the RP2040's data sheet: SIO at 0xD0000000 (2.3.1.7), TIMER at 0x40054000
(4.6.5), SYSINFO at 0x40000000 (2.20), and the aliases that set, clear and flip bits (2.1.2). Other
registers of peripherals keep what is written to them and do nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .pins import MODE_IN, MODE_OUT

if TYPE_CHECKING:
    from .peripherals import Bench

__all__ = ["Registers"]

_SIO, _TIMER, _SYSINFO = 0xD0000000, 0x40054000, 0x40000000
_CHIP_ID, _RP2040 = 0x0, 0x2 << 28 | 0x0002 << 12 | 0x927
_GPIO_IN, _GPIO_OUT, _GPIO_OE = 0x04, 0x10, 0x20
_TIMERAWH, _TIMERAWL = 0x24, 0x28
_BANK = range(0x40000000, 0x60000000)  # the peripherals of both bus fabrics


class Registers:
    """Registers of one board.

    Args:
        bench: whose pins they show.
        microseconds: since power-on.
    """

    def __init__(self, bench: Bench, microseconds: Callable[[], int]) -> None:
        self._bench, self._microseconds = bench, microseconds
        self._kept: dict[int, int] = {}

    def read(self, address: float, size: int) -> float:
        """1, 2 or 4 bytes; a float, since integers of 32 bits do not cross to the board."""
        at = int(address)
        word = self._word(at & ~3)
        return float(word >> 8 * (at & 3) & (1 << 8 * size) - 1)

    def write(self, address: float, size: int, value: float) -> None:
        """1, 2 or 4 bytes; as the chip does, a narrow write fills the whole word with copies."""
        at, new = int(address), int(value) & (1 << 8 * size) - 1
        word = new * {1: 0x01010101, 2: 0x00010001, 4: 1}[size]
        self._put(at & ~3, word)

    def _word(self, at: int) -> int:
        if at - _SIO in range(0x100):
            return self._sio(at - _SIO)
        if at & ~0x3000 == _SYSINFO + _CHIP_ID:
            return _RP2040
        if at & ~0x3000 == _TIMER + _TIMERAWL:
            return self._microseconds() & 0xFFFFFFFF
        if at & ~0x3000 == _TIMER + _TIMERAWH:
            return self._microseconds() >> 32
        return self._kept.get(at & ~0x3000 if at in _BANK else at, 0)

    def _put(self, at: int, word: int) -> None:
        if at - _SIO in range(0x100):
            self._put_sio(at - _SIO, word)
            return
        if at not in _BANK:
            self._kept[at] = word
            return
        register, alias = at & ~0x3000, at >> 12 & 3
        old = self._kept.get(register, 0)
        self._kept[register] = (word, old ^ word, old | word, old & ~word)[alias]

    # ---- pins

    def _mask(self, bit: Callable[[int], bool]) -> int:
        return sum(1 << number for number in range(30) if bit(number))

    def _sio(self, offset: int) -> int:
        pins = self._bench.pins
        if offset == _GPIO_IN:
            return self._mask(lambda n: bool(self._bench.level(n)))
        if offset == _GPIO_OUT:
            return self._mask(lambda n: bool(pins[n].output))
        if offset == _GPIO_OE:
            return self._mask(lambda n: pins[n].mode == MODE_OUT)
        return 0

    def _put_sio(self, offset: int, word: int) -> None:
        base, how = offset & ~0xF, offset >> 2 & 3
        if base not in (_GPIO_OUT, _GPIO_OE):
            return
        old = self._sio(base)
        new = (word, old | word, old & ~word, old ^ word)[how]
        for number in range(30):
            if (old ^ new) >> number & 1:
                pin = self._bench.pins[number]
                if base == _GPIO_OUT:
                    pin.set(new >> number & 1)
                else:
                    pin.mode = MODE_OUT if new >> number & 1 else MODE_IN
                    pin.settle()
