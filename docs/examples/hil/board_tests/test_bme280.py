# SPDX-License-Identifier: Apache-2.0
"""Runs on the board as it is; with mpremote, too: `mpremote run board_tests/test_bme280.py`."""

import unittest

from bme280 import BME280
from machine import I2C, Pin


class TestBME280(unittest.TestCase):
    def setUp(self):
        self.i2c = I2C(0, sda=Pin(4), scl=Pin(5))

    def test_temperature(self):
        temperature = BME280(self.i2c).temperature()
        self.assertTrue(-20 < temperature < 60, "%s C" % temperature)

    def test_two_in_a_row_agree(self):
        sensor = BME280(self.i2c)
        self.assertAlmostEqual(sensor.temperature(), sensor.temperature(), delta=0.5)

    def test_nobody_there(self):
        with self.assertRaises(OSError):
            BME280(self.i2c, address=0x40)


if __name__ == "__main__":
    unittest.main()
