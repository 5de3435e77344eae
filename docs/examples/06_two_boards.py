# SPDX-License-Identifier: Apache-2.0
"""Two boards, two classes: what one measures, the other shows.

Give two addresses, or none for two virtual boards.
"""

import sys

from belay import Device

first, second = sys.argv[1:] if len(sys.argv) > 2 else ("virtual:", "virtual:")


class Sensor(Device):
    """The board that measures."""

    @Device.setup(autoinit=True)
    def prepare():
        from machine import ADC

        adc = ADC(4)

    @Device.task
    def celsius():
        return 27 - (adc.read_u16() * 3.3 / 65535 - 0.706) / 0.001721


class Bar(Device):
    """The board that shows: a bar of LEDs, the more the warmer."""

    @Device.setup(autoinit=True)
    def prepare():
        from machine import Pin

        leds = [Pin(number, Pin.OUT, value=0) for number in range(2, 8)]

    @Device.task
    def show(count):
        for number, led in enumerate(leds):
            led.value(number < count)
        return "".join("*" if led.value() else "." for led in leds)


with Sensor(first) as sensor, Bar(second) as bar:
    temperature = sensor.celsius()
    print(f"{temperature:.0f} °C", bar.show(int(temperature) // 10))
    print("all on:", bar.show(6))
