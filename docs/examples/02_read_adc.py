# SPDX-License-Identifier: Apache-2.0
"""Read an analogue input: the temperature sensor inside a Raspberry Pi Pico.

What a task returns arrives here as the Python value it was: a float, to the last bit.
"""

import os
import statistics
import sys

import belay

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")

with belay.Device(address) as device:

    @device.setup
    def prepare(channel):
        from machine import ADC

        sensor = ADC(channel)

    @device.task
    def read_volts(count):
        """Many readings for one message there and one back."""
        return [sensor.read_u16() * 3.3 / 65535 for _ in range(count)]

    prepare(4)
    volts = read_volts(100)
    celsius = 27 - (statistics.mean(volts) - 0.706) / 0.001721  # from the chip's data sheet
    print(f"{len(volts)} readings, {celsius:.1f} °C")
