# SPDX-License-Identifier: Apache-2.0
"""Tasks that yield: the board produces, the host consumes, and `send` talks back.

By default the board stays in step: it makes an item when one is asked for. With `prefetch=N` it
makes up to N at once, for a fraction of the round trips.
"""

import os
import sys

import belay

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")

with belay.Device(address) as device:

    @device.task
    def ramp(top):
        for level in range(top):
            yield level * level

    print("squares:", list(ramp(5)))

    @device.task
    def running_mean():
        total = count = 0
        value = yield
        while value is not None:
            total += value
            count += 1
            value = yield total / count

    means = running_mean()
    next(means)  # to the first yield, as with any generator
    print("means:", [means.send(value) for value in (10, 20, 60)])
    means.close()  # its `finally` blocks run on the board

    @device.task(prefetch=256)
    def samples(count):
        for number in range(count):
            yield number % 7

    print("sum of 1000 samples:", sum(samples(1000)))
