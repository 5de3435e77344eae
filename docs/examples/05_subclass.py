# SPDX-License-Identifier: Apache-2.0
"""A class for a kind of board: its functions run on the board, without `self`.

`setup(autoinit=True)` runs when the object is made, `teardown` when it is closed.
"""

import os
import sys

import belay
from belay import Device

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")


class Lamp(Device):
    """A board with a lamp on a pin."""

    @Device.setup(autoinit=True)
    def prepare():
        from machine import Pin

        lamp = Pin("LED", Pin.OUT, value=0)
        changes = 0

    @Device.task
    def switch(on):
        global changes
        if lamp.value() != on:
            lamp.value(on)
            changes += 1
        return changes

    @Device.teardown
    def leave_dark():
        lamp.value(0)
        print("the lamp is off again")

    # Methods without a decorator are ordinary ones of the host.
    def flash(self, times):
        for _ in range(times):
            self.switch(True)
            changes = self.switch(False)
        return changes


with Lamp(address) as lamp:
    print("changes:", lamp.flash(3))
    print("a lamp is a Device:", isinstance(lamp, belay.Device), lamp("changes"))
