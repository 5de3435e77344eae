# SPDX-License-Identifier: Apache-2.0
"""Blink an LED.

`setup` prepares the board: the body of the function runs there as if typed at its prompt, so `led`
becomes a global name on the board. A `task` is a function that lives on the board; calling it here
runs it there.
"""

import os
import sys
import time

import belay

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")

with belay.Device(address) as device:

    @device.setup
    def prepare(pin):
        from machine import Pin

        led = Pin(pin, Pin.OUT)

    @device.task
    def set_led(state):
        led.value(state)
        print("the board's LED is", "on" if led.value() else "off")

    prepare("LED")  # a number such as 25 on boards that do not name their LED
    for _ in range(3):
        set_led(True)
        time.sleep(0.05)
        set_led(False)
        time.sleep(0.05)
