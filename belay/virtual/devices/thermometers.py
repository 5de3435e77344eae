# SPDX-License-Identifier: Apache-2.0
"""Sensors on one wire: the DS18B20, and the DHT11 and DHT22."""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from .. import waves
from ..serialbus import OneWireDevice, crc8

__all__ = ["Dht", "Ds18b20"]

_CONVERT, _READ, _WRITE, _COPY, _RECALL, _POWER = 0x44, 0xBE, 0x4E, 0x48, 0xB8, 0xB4
_CONVERSION = (0.09375, 0.1875, 0.375, 0.75)  # seconds, at 9 to 12 bits


class Ds18b20(OneWireDevice):
    """One thermometer (data sheet 19-7487). Before its first conversion it says 85 °C.

    Args:
        now: seconds since it was powered.
        serial: 48 bits that no other has.

    Attributes:
        temperature: in degrees Celsius, at every moment.
    """

    def __init__(self, now: Callable[[], float], serial: int) -> None:
        head = b"\x28" + serial.to_bytes(6, "little")
        self.rom = head + bytes([crc8(head)])
        self.temperature = waves.constant(21.0)
        self._now = now
        self._settings = bytearray(b"\x4b\x46\x7f")
        self._result = 85 * 16
        self._ready: float | None = None
        self._command: int | None = None
        self._out = b""
        self._taken = 0

    def reset(self) -> None:
        """A command begins anew; a conversion goes on."""
        self._command, self._out, self._taken = None, b"", 0

    def write(self, byte: int) -> None:
        """A function command, or what belongs to it."""
        if self._command == _WRITE and self._taken < 3:
            self._settings[self._taken] = byte if self._taken < 2 else byte & 0x60 | 0x1F
            self._taken += 1
            return
        self._command = byte
        if byte == _CONVERT:
            self._ready = self._now() + _CONVERSION[self._settings[2] >> 5]
        elif byte == _READ:
            self._finish()
            data = struct.pack("<h", self._result) + self._settings + b"\xff\x0c\x10"
            self._out = data + bytes([crc8(data)])

    def read(self) -> int:
        """The scratchpad; while it converts, zeros."""
        if self._command == _CONVERT:
            self._finish()
            return 0xFF if self._ready is None else 0
        if not self._out:
            return 0xFF
        byte, self._out = self._out[0], self._out[1:]
        return byte

    def _finish(self) -> None:
        if self._ready is not None and self._now() >= self._ready:
            bits = 9 + (self._settings[2] >> 5)
            raw = round(self.temperature(self._ready) * 16)
            raw = max(-55 * 16, min(125 * 16, raw))
            self._result = raw >> (12 - bits) << (12 - bits)
            self._ready = None


class Dht:
    """A DHT11 or DHT22: both measure at most every so often, and repeat themselves until then.

    Args:
        now: seconds since it was powered.
        coarse: a DHT11, which tells whole degrees and percents.
        seed: makes its noise repeatable.

    Attributes:
        temperature, humidity: in degrees Celsius and percent, at every moment.
    """

    def __init__(self, now: Callable[[], float], coarse: bool, seed: int | None) -> None:
        self._now, self._coarse = now, coarse
        self._noise = random.Random(seed)
        self.temperature, self.humidity = waves.constant(22.0), waves.constant(45.0)
        self._measured = -10.0
        self._answer = b""

    def measure(self) -> bytes:
        """The 5 bytes that it sends: humidity, temperature, check."""
        now = self._now()
        if not self._answer or now - self._measured >= (1.0 if self._coarse else 2.0):
            self._measured = now
            self._answer = self._measure(now)
        return self._answer

    def _measure(self, now: float) -> bytes:
        warm = self.temperature(now) + self._noise.gauss(0, 0.03)
        damp = max(0.0, min(100.0, self.humidity(now) + self._noise.gauss(0, 0.1)))
        if self._coarse:
            data = bytes([round(damp), 0, max(0, min(80, round(warm))), 0])
        else:
            tenths = round(abs(warm) * 10)
            data = struct.pack(">HH", round(damp * 10), tenths | (0x8000 if warm < 0 else 0))
        return data + bytes([sum(data) & 0xFF])
