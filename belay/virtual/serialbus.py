# SPDX-License-Identifier: Apache-2.0
"""SPI and 1-Wire of the simulated board, and what a part has to be able to do to hang there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .peripherals import Bench
    from .pins import Pin

__all__ = ["OneWireDevice", "OneWires", "SpiBuses", "SpiDevice", "crc8"]


class SpiDevice(ABC):
    """A part on an SPI bus.

    Attributes:
        pins: (clock, MOSI, MISO), -1 where it uses none.
        select: the pin that selects it, when low.
    """

    pins: tuple[int, int, int]
    select: int

    @abstractmethod
    def exchange(self, byte: int) -> int:
        """Take a byte and give one at the same time, while it is selected."""

    def selected(self, on: bool) -> None:  # noqa: B027 - most parts need not know
        """The level of its select pin has changed."""


class SpiBuses:
    """All SPI buses of one board: whatever pins a program names."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self.devices: list[SpiDevice] = []

    def attach(self, device: SpiDevice) -> None:
        """Hang a part on its pins; its select pin is pulled up, as on most modules."""
        self.devices.append(device)
        self._bench.pins[device.select].watch(lambda level: device.selected(not level))

    def exchange(self, sck: int, mosi: int, miso: int, text: str) -> str:
        """Send bytes and take as many, in hex digits; ones, where nobody answers."""
        self._bench.furnished()
        pins = self._bench.pins
        data = bytes.fromhex(text)
        if mosi >= 0 and miso >= 0 and _joined(pins[mosi], pins[miso]):
            return data.hex()
        there = [d for d in self.devices if d.pins[0] == sck and d.pins[1] in (mosi, -1)]
        chosen = [d for d in there if not pins[d.select].level]
        if not chosen:
            return "ff" * len(data)
        answer = bytearray()
        for byte in data:
            out = 0xFF
            for device in chosen:
                out &= device.exchange(byte)
            answer.append(out if miso >= 0 else 0xFF)
        return answer.hex()


def _joined(one: Pin, other: Pin) -> bool:
    return one is other or (one.net is not None and one.net is other.net)


class OneWireDevice(ABC):
    """A part on a 1-Wire bus.

    Attributes:
        rom: its 8 bytes: family, serial number, check.
    """

    rom: bytes

    @abstractmethod
    def write(self, byte: int) -> None:
        """Take a byte that follows the addressing."""

    @abstractmethod
    def read(self) -> int:
        """Give the next byte."""

    def reset(self) -> None:  # noqa: B027 - most parts need not know
        """A reset pulse: a command begins anew."""


_SEARCH, _READ_ROM, _MATCH, _SKIP = 0xF0, 0x33, 0x55, 0xCC


class _OneWire:
    """One wire and its state since the last reset pulse."""

    def __init__(self) -> None:
        self.devices: list[OneWireDevice] = []
        self._listening: list[OneWireDevice] = []
        self._command: int | None = None
        self._rom = bytearray()
        self._out = bytearray()
        self._position = self._phase = 0
        self._byte = self._bits = 0

    def reset(self) -> bool:
        for device in self.devices:
            device.reset()
        self._listening = list(self.devices)
        self._command = None
        self._rom.clear()
        self._out.clear()
        self._position = self._phase = self._byte = self._bits = 0
        return bool(self.devices)

    # ---- bytes

    def write(self, byte: int) -> None:
        if self._command is None:
            self._command = byte
            if byte == _READ_ROM and self._listening:
                self._out += self._listening[0].rom
            return
        if self._command == _MATCH and len(self._rom) < 8:
            self._rom.append(byte)
            if len(self._rom) == 8:
                self._listening = [d for d in self.devices if d.rom == self._rom]
            return
        for device in self._listening:
            device.write(byte)

    def read(self) -> int:
        if self._command == _SEARCH:
            return sum(self.read_bit() << index for index in range(8))
        if self._out:
            return self._out.pop(0)
        answer = 0xFF
        for device in self._listening if self._command is not None else ():
            answer &= device.read()
        return answer

    # ---- bits: the search is made of them

    def write_bit(self, bit: int) -> None:
        if self._command == _SEARCH and self._position < 64:
            self._listening = [d for d in self._listening if self._rom_bit(d) == bit]
            self._position, self._phase = self._position + 1, 0
            return
        self._byte |= bit << self._bits
        self._bits += 1
        if self._bits == 8:
            byte, self._byte, self._bits = self._byte, 0, 0
            self.write(byte)

    def read_bit(self) -> int:
        if self._command == _SEARCH and self._position < 64:
            bits = [self._rom_bit(device) ^ self._phase for device in self._listening]
            self._phase ^= 1
            return int(all(bits))
        return self.read() & 1

    def _rom_bit(self, device: OneWireDevice) -> int:
        return device.rom[self._position // 8] >> self._position % 8 & 1


class OneWires:
    """All pins of one board that programs talk 1-Wire on."""

    def __init__(self, bench: Bench) -> None:
        self._bench = bench
        self._wires: dict[int, _OneWire] = {}

    def attach(self, pin: int, device: OneWireDevice) -> None:
        """Hang a part on a pin."""
        self.at(pin).devices.append(device)

    def at(self, pin: int) -> _OneWire:
        """The wire at a pin."""
        self._bench.furnished()
        return self._wires.setdefault(pin, _OneWire())


def crc8(data: bytes) -> int:
    """The check byte of 1-Wire (polynomial 0x31, bits reversed)."""
    crc = 0
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ 0x8C if crc & 1 else crc >> 1
    return crc
