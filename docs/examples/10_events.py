# SPDX-License-Identifier: Apache-2.0
"""The board speaks first: events from a loop, a timer or an interrupt.

On the board, `belay.emit(topic, value)`; here, a callback or an iterator.
"""

import os
import queue
import sys

import belay

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")

with belay.Device(address) as device:
    # A callback, which has a thread of its own; here it puts what comes into a queue.
    reports = queue.SimpleQueue()
    device.on("progress", reports.put)

    @device.task
    def long_work():
        import belay  # the board's own, which is always there

        for step in range(1, 5):
            belay.emit("progress", 25 * step)
        return "done"

    print(long_work(), [reports.get(timeout=10) for _ in range(4)])

    # An iterator, from a pin's interrupt: here the board wires the button to itself.
    @device.setup
    def watch_button():
        from machine import Pin

        import belay

        button = Pin(15, Pin.OUT, value=1)
        button.irq(lambda pin: belay.emit("button", pin.value()), Pin.IRQ_FALLING)

    @device.task
    def press():
        button.off()
        button.on()

    watch_button()
    with device.events("button") as pressed:
        press()
        press()
        print("the button was pressed, level", next(pressed))
        print("and again, level", next(pressed))
