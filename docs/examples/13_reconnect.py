# SPDX-License-Identifier: Apache-2.0
"""A board that is reset, unplugged or cut off, and a program that goes on.

With `attempts`, the Device connects again and replays what made the board ready: setups, tasks and
recorded statements, in their order. Calls of tasks are never repeated: what was under way ends in
`ConnectionLost`, which says whether it ran.
"""

import os
import sys

import belay

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")

with belay.Device(address, attempts=5) as device:
    device.on_disconnect(lambda error: print("the link has ended:", error))
    device.on_reconnect(lambda: print("there again"))

    @device.setup
    def prepare(step):
        counter = 0

    @device.task
    def count():
        global counter
        counter += step
        return counter

    prepare(10)
    print(count(), count())

    try:
        device("import machine; machine.reset()", record=False)
    except belay.ConnectionLost as error:
        print("ran:", error.ran)

    # The board's memory was gone; setup and task are back, the count starts again.
    print(count(), device.connected)
