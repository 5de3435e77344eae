# SPDX-License-Identifier: Apache-2.0
"""Let the board do something in the background: in a thread, or with a timer.

Not every port has threads. `FeatureUnavailableError` says so, and a timer often does as well.
"""

import os
import sys
import time

import belay

address = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("BELAY_DEVICE", "virtual:")

with belay.Device(address) as device:
    device("beats = 0")

    try:

        @device.thread
        def beat_in_a_thread(period):
            global beats
            while True:
                beats += 1
                time.sleep(period)

        beat_in_a_thread(0.01)
        print("a thread counts on the board")
    except belay.FeatureUnavailableError as error:
        print(error)

        @device.setup
        def beat_with_a_timer(milliseconds):
            from machine import Timer

            def beat(timer):
                global beats
                beats += 1

            timer = Timer(period=milliseconds, mode=Timer.PERIODIC, callback=beat)

        beat_with_a_timer(10)
        print("a timer counts on the board")

    while (beats := device("beats")) < 5:  # meanwhile the board answers as ever
        time.sleep(0.02)
    print("it went on in the background:", beats >= 5)
