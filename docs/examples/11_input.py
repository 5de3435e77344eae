# SPDX-License-Identifier: Apache-2.0
"""The board asks: `input()` and `sys.stdin` there are answered here.

By default the terminal is asked. Any function that returns a line will do, or an open file.
"""

import os
import sys

import belay

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")

answers = iter(["Ada", "7"])


def answer():
    line = next(answers)
    print(line)  # behind the question, which the board has printed
    return line


with belay.Device(address, stdin=answer) as device:

    @device.task
    def interview():
        name = input("Who are you? ")
        number = int(input("A number? "))
        print(f"Hello {name}, {number} times {number} is {number * number}.")

    interview()
