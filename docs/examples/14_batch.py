# SPDX-License-Identifier: Apache-2.0
"""Many calls in one message: for a slow link, or for many small steps.

Inside the block, calls return at once with a promise; the block's end sends them all.
"""

import os
import sys

import belay

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")

with belay.Device(address) as device:

    @device.task
    def square(number):
        return number * number

    @device.task
    def root(number):
        if number < 0:
            raise ValueError("no real root of a negative number")
        return number**0.5

    with device.batch():
        results = [square(number) for number in range(50)]
    print("sum of squares:", sum(result.result() for result in results))

    # The board stops at the first one that fails; what came before it has its result.
    with device.batch():
        first = root(9)
        second = root(-1)
    print("the first:", first.result())
    try:
        second.result()
    except belay.PyboardException[ValueError] as error:
        print("the second:", error.value_args[0])
