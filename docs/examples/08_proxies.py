# SPDX-License-Identifier: Apache-2.0
"""Objects that stay on the board, used from here as if they were local.

A proxy costs one message per operation and one back. Numbers, texts and the like come by value.
"""

import os
import sys

import belay

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")

with belay.Device(address) as device:
    # A module of the board, and an object made with it.
    machine = device("import machine", proxy=True)
    led = machine.Pin("LED", machine.Pin.OUT)
    led.on()
    print("the LED is", led.value())
    led.toggle()
    print("the LED is", led.value())

    # A list of the board, with all that lists can do.
    device("log = ['boot']")
    log = device.proxy("log")
    log.append("started")
    log += ["measured"]
    print(len(log), "started" in log, log[-1], [entry.upper() for entry in log])
    del log[0]
    print(device("log"))

    # Exceptions are Python's own, and know what the board said.
    try:
        log[99]
    except IndexError as error:
        print(error.type, error.value_args)
