# SPDX-License-Identifier: Apache-2.0
"""The incubator: a sensor, a heater behind a MOSFET, a lamp that says "too cold"."""

import time

from bme280 import BME280
from machine import I2C, PWM, Pin
from thermostat import Thermostat


class Incubator:
    def __init__(self, sda, scl, heater, led, target=37.0):
        self.sensor = BME280(I2C(0, sda=Pin(sda), scl=Pin(scl)))
        self.heater = PWM(Pin(heater), freq=1000, duty_u16=0)
        self.led = Pin(led, Pin.OUT, value=0)
        self.thermostat = Thermostat(target)

    def step(self, seconds):
        """Measure, and set the heater; the temperature (None without a sensor) and the power."""
        try:
            temperature = self.sensor.temperature()
        except OSError:
            temperature = None
        power = self.thermostat.power(temperature, seconds)
        self.heater.duty_u16(int(power * 65535))
        self.led.value(temperature is None or temperature < self.thermostat.target - 1)
        return temperature, power

    def run(self, seconds=1.0, steps=None):
        while steps is None or steps > 0:
            temperature, power = self.step(seconds)
            shown = "--" if temperature is None else "%.1f" % temperature
            print("%s C, heater %d %%" % (shown, power * 100))
            time.sleep(seconds)
            if steps is not None:
                steps -= 1
