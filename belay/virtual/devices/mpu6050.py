# SPDX-License-Identifier: Apache-2.0
"""A sensor of acceleration and rotation with the registers of InvenSense's MPU-6050.

Register map: RM-MPU-6000A-00. It sleeps after power-on until PWR_MGMT_1 is written.
"""

from __future__ import annotations

import random
import struct
from collections.abc import Callable

from .. import waves
from ..i2c import Device

__all__ = ["Mpu6050"]

_GYRO_CONFIG, _ACCEL_CONFIG, _DATA, _POWER, _WHO_AM_I = 0x1B, 0x1C, 0x3B, 0x6B, 0x75
_INT_STATUS = 0x3A
_RESET, _SLEEP = 0x80, 0x40
_LSB_PER_G = (16384, 8192, 4096, 2048)
_LSB_PER_DEGREE = (131.0, 65.5, 32.8, 16.4)
_NOISE = (0.004, 0.05, 0.02)  # g, degrees per second, degrees Celsius


class Mpu6050(Device):
    """One chip, powered on.

    Args:
        now: seconds since it was powered.
        seed: makes its noise repeatable.
        address: 0x68 or 0x69, as its pin AD0 says.

    Attributes:
        acceleration: in g, along x, y and z, at every moment; gravity is in it.
        rotation: in degrees per second, about x, y and z.
        temperature: in degrees Celsius.
    """

    def __init__(
        self, now: Callable[[], float], seed: int | None = None, address: int = 0x68
    ) -> None:
        self.address = address
        self._now = now
        self._noise = random.Random(seed)
        self.acceleration = [waves.constant(v) for v in (0.0, 0.0, 1.0)]
        self.rotation = [waves.constant(0.0) for _ in range(3)]
        self.temperature = waves.constant(24.0)
        self._at = 0
        self._expects_register = True
        self._frozen = bytes(14)
        self._reset()

    def _reset(self) -> None:
        self._registers = bytearray(128)
        self._registers[_POWER] = _SLEEP
        self._registers[_WHO_AM_I] = 0x68

    def start(self, reading: bool) -> bool:
        """What a burst reads belongs together."""
        self._expects_register = not reading
        if reading and not self._registers[_POWER] & _SLEEP:
            self._frozen = self._measure()
        return True

    def write(self, data: bytes) -> int:
        """A register, then values for it and those behind it."""
        for byte in data:
            if self._expects_register:
                self._at, self._expects_register = byte & 127, False
                continue
            self._set(self._at, byte)
            self._at = (self._at + 1) & 127
        return len(data)

    def _set(self, register: int, value: int) -> None:
        if register == _POWER and value & _RESET:
            self._reset()
        elif register != _WHO_AM_I and not _INT_STATUS <= register < _DATA + 14:
            self._registers[register] = value

    def read(self, count: int) -> bytes:
        """Register after register."""
        answer = bytes(self._get((self._at + index) & 127) for index in range(count))
        self._at = (self._at + count) & 127
        return answer

    def _get(self, register: int) -> int:
        if register == _INT_STATUS:
            return 0 if self._registers[_POWER] & _SLEEP else 1
        if _DATA <= register < _DATA + 14:
            return self._frozen[register - _DATA]
        return self._registers[register]

    def _measure(self) -> bytes:
        now, noise = self._now(), self._noise.gauss
        per_g = _LSB_PER_G[self._registers[_ACCEL_CONFIG] >> 3 & 3]
        per_degree = _LSB_PER_DEGREE[self._registers[_GYRO_CONFIG] >> 3 & 3]
        values = [(wave(now) + noise(0, _NOISE[0])) * per_g for wave in self.acceleration]
        values.append((self.temperature(now) + noise(0, _NOISE[2]) - 36.53) * 340)
        values += [(wave(now) + noise(0, _NOISE[1])) * per_degree for wave in self.rotation]
        return struct.pack(">7h", *(max(-32768, min(32767, round(value))) for value in values))
