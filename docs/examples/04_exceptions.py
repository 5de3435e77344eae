# SPDX-License-Identifier: Apache-2.0
"""Exceptions of the board: catch them by kind, and see where they come from.

The traceback shows the lines of *this* file, through every function that was on the way.
"""

import os
import sys

import belay

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")

with belay.Device(address) as device:

    @device.task
    def divide(a, b):
        return a / b

    @device.task
    def mean(values):
        return divide(sum(values), len(values))

    print("mean:", mean([1, 2, 6]))

    try:
        mean([])
    except belay.PyboardException as error:
        print(error.type, error.value_args)
        for frame in error.frames:
            if frame.source:
                print(f"  {frame.name}, line {frame.line}: {frame.source.strip()}")

    # One kind only, as the board's own `except ArithmeticError` would catch it.
    try:
        mean([])
    except belay.PyboardException[ArithmeticError]:
        print("an ArithmeticError, or a kind of it")

    # The board is as usable as before.
    print("mean:", mean([5]))
