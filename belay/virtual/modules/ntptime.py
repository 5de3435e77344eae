# SPDX-License-Identifier: Apache-2.0
"""The time of day "from the network": once Wi-Fi is joined, that of the computer underneath."""

import time as _time

import _board

host = "pool.ntp.org"
timeout = 1


def time():
    if not _board.online():
        raise OSError(-2)  # what a name that cannot be looked up gives
    return int(_board.host_time())


def settime():
    from machine import RTC

    year, month, day, hour, minute, second, weekday, _ = _time.gmtime(time())
    RTC().datetime((year, month, day, weekday, hour, minute, second, 0))
