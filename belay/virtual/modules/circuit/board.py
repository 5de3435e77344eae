# SPDX-License-Identifier: Apache-2.0
"""``board``: the names of a Raspberry Pi Pico's pins."""

from microcontroller import pin as _pins

board_id = "raspberry_pi_pico"

for _number in range(29):
    globals()["GP%d" % _number] = getattr(_pins, "GPIO%d" % _number)
LED = GP25  # noqa: F821
A0, A1, A2, A3 = GP26, GP27, GP28, _pins.GPIO29  # noqa: F821
VOLTAGE_MONITOR = A3
SMPS_MODE = GP23  # noqa: F821
VBUS_SENSE = GP24  # noqa: F821
