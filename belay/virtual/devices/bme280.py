# SPDX-License-Identifier: Apache-2.0
"""A sensor of temperature, pressure and humidity with the registers of Bosch's BME280.

It measures backwards: what the air is like, turned into the raw numbers from which the data
sheet's formulas (BST-BME280-DS002, 4.2.3 and 8.1) get it back.
"""

from __future__ import annotations

import math
import random
import struct
from collections.abc import Callable
from typing import NamedTuple

from ..i2c import Device
from .air import Air

__all__ = ["Bme280", "Trimming"]

CHIP_ID, RESET_WORD = 0x60, 0xB6
ID, RESET, CTRL_HUM, STATUS, CTRL_MEAS, CONFIG, DATA = 0xD0, 0xE0, 0xF2, 0xF3, 0xF4, 0xF5, 0xF7
MEASURING, IM_UPDATE = 0x08, 0x01
SLEEP, FORCED, NORMAL = 0, 1, 3

_SKIPPED = (0x80000, 0x80000, 0x8000)  # pressure, temperature, humidity
_STARTUP = 0.002  # seconds to copy the trimming values
_OVERSAMPLING = (0, 1, 2, 4, 8, 16, 16, 16)
_FILTER = (1, 2, 4, 8, 16, 16, 16, 16)
_STANDBY = (0.0005, 0.0625, 0.125, 0.25, 0.5, 1.0, 0.01, 0.02)
_NOISE = (3.3, 0.005, 0.07)  # pascals, degrees, percent; one sample's
_REMEMBERED = 128  # conversions after which the strongest filter has forgotten what was before


class Trimming(NamedTuple):
    """What the factory found out about one chip, with the names of the data sheet."""

    t1: int = 27504
    t2: int = 26435
    t3: int = -1000
    p1: int = 36477
    p2: int = -10685
    p3: int = 3024
    p4: int = 2855
    p5: int = 140
    p6: int = -7
    p7: int = 15500
    p8: int = -14600
    p9: int = 6000
    h1: int = 75
    h2: int = 365
    h3: int = 2
    h4: int = 310
    h5: int = 50
    h6: int = 30

    @classmethod
    def of_chip(cls, dice: random.Random) -> Trimming:
        """Those of some chip: no two are alike."""
        return cls(*(round(value * dice.uniform(0.97, 1.03)) for value in cls()))

    def registers(self) -> dict[int, int]:
        """Bytes by register: 0x88 to 0xA1 and 0xE1 to 0xE7."""
        low = struct.pack("<HhhHhhhhhhhh", *self[:12]) + bytes([0, self.h1])
        high = struct.pack("<hB", self.h2, self.h3) + bytes(
            [
                self.h4 >> 4 & 0xFF,
                self.h4 & 0x0F | (self.h5 & 0x0F) << 4,
                self.h5 >> 4 & 0xFF,
                self.h6 & 0xFF,
            ]
        )
        return dict(enumerate(low, 0x88)) | dict(enumerate(high, 0xE1))

    # ---- the formulas, in floating point; `fine` is the temperature as the others need it

    def fine(self, raw: int) -> float:
        """5120 times the temperature in degrees Celsius."""
        first = (raw / 16384 - self.t1 / 1024) * self.t2
        return first + (raw / 131072 - self.t1 / 8192) ** 2 * self.t3

    def pressure(self, raw: int, fine: float) -> float:
        """Pascals."""
        warm = fine / 2 - 64000
        offset = (warm * warm * self.p6 / 32768 + warm * self.p5 * 2) / 4 + self.p4 * 65536
        scale = (self.p3 * warm * warm / 524288 + self.p2 * warm) / 524288
        scale = (1 + scale / 32768) * self.p1
        p = (1048576 - raw - offset / 4096) * 6250 / scale
        return p + (self.p9 * p * p / 2147483648 + p * self.p8 / 32768 + self.p7) / 16

    def humidity(self, raw: int, fine: float) -> float:
        """Percent."""
        warm = fine - 76800
        gain = 1 + self.h6 / 67108864 * warm * (1 + self.h3 / 67108864 * warm)
        h = (raw - (self.h4 * 64 + self.h5 / 16384 * warm)) * (self.h2 / 65536 * gain)
        return h * (1 - self.h1 * h / 524288)


def _raw(formula: Callable[[int], float], wanted: float, bits: int) -> int:
    """The raw number from which a rising formula makes the least value that is not too small."""
    low, high = 0, (1 << bits) - 1
    while low < high:
        middle = (low + high) // 2
        if formula(middle) < wanted:
            low = middle + 1
        else:
            high = middle
    return low


_Samples = tuple[int, int, int]  # of pressure, temperature and humidity


def _seconds(samples: _Samples) -> float:
    """How long one conversion takes, typically."""
    pressure, temperature, humidity = samples
    ms = 1.0 + 2.0 * temperature
    ms += 2.0 * pressure + 0.5 if pressure else 0.0
    ms += 2.0 * humidity + 0.5 if humidity else 0.0
    return ms / 1000


class Bme280(Device):
    """One chip, powered on.

    Args:
        air: what it measures.
        now: seconds since it was powered.
        seed: makes its trimming and its noise repeatable.
        address: 0x76 or 0x77, as its pin SDO says.

    Attributes:
        air: what it measures; may be changed at any time.
        trimming: what its registers say about it.
    """

    def __init__(
        self, air: Air, now: Callable[[], float], seed: int | None = None, address: int = 0x76
    ) -> None:
        self.address = address
        self.air = air
        self._now = now
        self._noise = random.Random(seed)
        self.trimming = Trimming.of_chip(self._noise)
        self._nvm = self.trimming.registers()
        self._reset(0.0)

    def _reset(self, when: float) -> None:
        self._registers = {CTRL_HUM: 0, CTRL_MEAS: 0, CONFIG: 0}
        self._frozen = when  # the time of what is read
        self._loaded = when + _STARTUP
        self._mode = SLEEP
        self._wanted: int | None = None  # a mode that waits for the end of the conversion
        self._humidity_setting = 0  # that of CTRL_HUM, once CTRL_MEAS has been written
        self._begun: float | None = None  # the conversion that runs
        self._next = 0.0  # in normal mode and none runs: when the next one begins
        self._samples: _Samples = (0, 0, 0)
        self._results = _SKIPPED
        self._memory: list[float | None] = [None, None]  # of the filter
        self._pointer = 0
        self._register: int | None = None
        self._expects_register = True

    # ---- the bus

    def start(self, reading: bool) -> bool:
        """Freezes what a burst reads, so that its bytes belong together."""
        self._advance(self._now())
        self._expects_register = True
        return True

    def write(self, data: bytes) -> int:
        """Pairs of a register and its value; a register alone is where a read begins."""
        for byte in data:
            if self._expects_register:
                self._pointer = byte
            else:
                self._set(self._pointer, byte)
            self._expects_register = not self._expects_register
        return len(data)

    def read(self, count: int) -> bytes:
        """Register after register."""
        start, self._pointer = self._pointer, (self._pointer + count) & 0xFF
        return bytes(self._get((start + index) & 0xFF) for index in range(count))

    def _get(self, register: int) -> int:
        if register in self._nvm:
            return self._nvm[register] if self._frozen >= self._loaded else 0
        if register == ID:
            return CHIP_ID
        if register == STATUS:
            measuring = MEASURING if self._begun is not None else 0
            return measuring | (IM_UPDATE if self._frozen < self._loaded else 0)
        if register >= DATA:
            return self._data()[register - DATA]
        return self._registers.get(register, 0)

    def _data(self) -> bytes:
        pressure, temperature, humidity = self._results
        packed = pressure << 44 | temperature << 20 | humidity
        return packed.to_bytes(8, "big") + b"\0"

    def _set(self, register: int, value: int) -> None:
        if register == RESET:
            if value == RESET_WORD:
                self._reset(self._now())
        elif register == CTRL_HUM:
            self._registers[CTRL_HUM] = value & 0x07
        elif register == CONFIG:
            if (value ^ self._registers[CONFIG]) & 0x1C:
                self._memory = [None, None]
            self._registers[CONFIG] = value & 0xFD
        elif register == CTRL_MEAS:
            self._registers[CTRL_MEAS] = value
            self._humidity_setting = self._registers[CTRL_HUM]
            mode = FORCED if value & 3 in (1, 2) else value & 3
            if self._begun is None:
                self._enter(mode, self._frozen)
            elif self._wanted is None:
                self._wanted = mode

    # ---- time

    def _enter(self, mode: int, when: float) -> None:
        self._mode = mode
        if mode == NORMAL:
            self._next = when
        if mode != SLEEP:
            self._begin(when)

    def _begin(self, when: float) -> None:
        meas = self._registers[CTRL_MEAS]
        self._samples = (
            _OVERSAMPLING[meas >> 2 & 7],
            _OVERSAMPLING[meas >> 5 & 7],
            _OVERSAMPLING[self._humidity_setting],
        )
        self._begun = when

    def _advance(self, now: float) -> None:
        """Do what has happened since it was last spoken to."""
        self._frozen = now
        self._skip(now)
        while True:
            if self._begun is not None:
                end = self._begun + _seconds(self._samples)
                if end > now:
                    return
                self._convert(end)
                self._finish(end)
            elif self._mode == NORMAL and self._next <= now:
                self._begin(self._next)
            else:
                return

    def _skip(self, now: float) -> None:
        """Leave out conversions that nothing will remember."""
        if self._mode != NORMAL or self._wanted is not None:
            return
        since = self._next if self._begun is None else self._begun
        period = _seconds(self._samples) + self._standby()
        excess = int((now - since) / period) - _REMEMBERED
        if excess > 0:
            self._begun, self._next = None, since + excess * period

    def _standby(self) -> float:
        return _STANDBY[self._registers[CONFIG] >> 5]

    def _finish(self, end: float) -> None:
        self._begun = None
        if self._wanted is not None:
            mode, self._wanted = self._wanted, None
            self._enter(mode, end)
        elif self._mode == FORCED:
            self._mode = SLEEP
            self._registers[CTRL_MEAS] &= ~3
        else:
            self._next = end + self._standby()

    # ---- measuring

    def _convert(self, when: float) -> None:
        weather = self.air(when)
        true = (weather.pressure, weather.temperature, weather.humidity)
        pressure, temperature, humidity = (
            value + self._noise.gauss(0, noise) / math.sqrt(samples or 1)
            for value, noise, samples in zip(true, _NOISE, self._samples, strict=True)
        )
        trimming, fine = self.trimming, weather.temperature * 5120
        raw = (
            # This formula falls; counted from the other end it rises.
            0xFFFFF - _raw(lambda n: trimming.pressure(0xFFFFF - n, fine), pressure, 20),
            _raw(trimming.fine, temperature * 5120, 20),
            _raw(lambda n: trimming.humidity(n, fine), max(0.0, min(100.0, humidity)), 16),
        )
        samples = self._samples
        self._results = (
            self._filtered(0, raw[0]) if samples[0] else _SKIPPED[0],
            self._filtered(1, raw[1]) if samples[1] else _SKIPPED[1],
            raw[2] if samples[2] else _SKIPPED[2],
        )

    def _filtered(self, channel: int, raw: int) -> int:
        """What the filter makes of it; without one, oversampling sets the resolution."""
        share = _FILTER[self._registers[CONFIG] >> 2 & 7]
        if share == 1:
            bits = 15 + self._samples[channel].bit_length()
            return raw >> (20 - bits) << (20 - bits)
        before = self._memory[channel]
        value = raw if before is None else (before * (share - 1) + raw) / share
        self._memory[channel] = value
        return int(value)
