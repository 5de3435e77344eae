# SPDX-License-Identifier: Apache-2.0
"""A 24C02: 256 bytes that stay, written a page at a time, deaf while it writes."""

from __future__ import annotations

from collections.abc import Callable

from ..i2c import Device

__all__ = ["Eeprom"]

SIZE, PAGE = 256, 8
WRITE_SECONDS = 0.005


class Eeprom(Device):
    """One chip.

    Args:
        now: seconds on a clock that only goes forward.
        address: 0x50 to 0x57, as its three pins say.

    Attributes:
        memory: what it holds.
    """

    def __init__(self, now: Callable[[], float], address: int = 0x50) -> None:
        self.address = address
        self.memory = bytearray(b"\xff" * SIZE)
        self._now = now
        self._ready = now()
        self._at = 0
        self._expects_address = False
        self._page: dict[int, int] = {}

    def start(self, reading: bool) -> bool:
        """Acknowledges unless it is writing; a page that was sent without a stop is lost."""
        self._page.clear()
        self._expects_address = not reading
        return self._now() >= self._ready

    def write(self, data: bytes) -> int:
        """The memory address, then bytes that wrap round within its page."""
        for byte in data:
            if self._expects_address:
                self._at, self._expects_address = byte, False
                continue
            self._page[self._at] = byte
            self._at = self._at & ~(PAGE - 1) | (self._at + 1) & (PAGE - 1)
        return len(data)

    def read(self, count: int) -> bytes:
        """From where it stands, round and round."""
        start, self._at = self._at, (self._at + count) % SIZE
        return bytes(self.memory[(start + index) % SIZE] for index in range(count))

    def stop(self) -> None:
        """Begins to write what was sent."""
        if self._page:
            for at, byte in self._page.items():
                self.memory[at] = byte
            self._page.clear()
            self._ready = self._now() + WRITE_SECONDS
