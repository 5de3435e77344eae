# SPDX-License-Identifier: Apache-2.0
"""Runs at every boot: waiting happens in the host, where timers can fire meanwhile.

The ``time.sleep`` of the WebAssembly port spins, and notices Ctrl-C only after it has returned; its
``ticks_us`` counts milliseconds.
"""

import sys
import time

import _board


def _make(wait, us):
    # The loops end at once: they give a pending KeyboardInterrupt a jump to be raised at.
    def sleep(seconds):
        while wait(seconds * 1000.0):
            pass

    def sleep_ms(ms):
        while wait(ms * 1.0):
            pass

    def sleep_us(us):
        while wait(us / 1000):
            pass

    def ticks_us():
        return us()

    return sleep, sleep_ms, sleep_us, ticks_us


time.sleep, time.sleep_ms, time.sleep_us, time.ticks_us = _make(_board.sleep_ms, _board.ticks_us)
sys.modules["utime"] = time
