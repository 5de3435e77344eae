# SPDX-License-Identifier: Apache-2.0
"""Temperatures of a BME280 at an I2C bus (Bosch BST-BME280-DS002)."""

import struct

ADDRESS = 0x76
CHIP_ID = 0x60


def celsius(raw, t1, t2, t3):
    """Degrees of a raw value, by the data sheet's formula and the chip's trimming values."""
    a = (raw / 16384 - t1 / 1024) * t2
    b = (raw / 131072 - t1 / 8192) ** 2 * t3
    return (a + b) / 5120


class BME280:
    def __init__(self, i2c, address=ADDRESS):
        self._i2c = i2c
        self._address = address
        found = i2c.readfrom_mem(address, 0xD0, 1)[0]
        if found != CHIP_ID:
            raise OSError("no BME280 at 0x%02x, but a chip 0x%02x" % (address, found))
        self._trimming = struct.unpack("<Hhh", i2c.readfrom_mem(address, 0x88, 6))

    def temperature(self):
        """Measure once, in degrees Celsius."""
        self._i2c.writeto_mem(self._address, 0xF4, b"\x21")  # one sample, no pressure, forced
        while self._i2c.readfrom_mem(self._address, 0xF3, 1)[0] & 8:
            pass
        high, middle, low = self._i2c.readfrom_mem(self._address, 0xFA, 3)
        return celsius(high << 12 | middle << 4 | low >> 4, *self._trimming)
