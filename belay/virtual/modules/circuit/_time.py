# SPDX-License-Identifier: Apache-2.0
"""``time`` of CircuitPython: a subset of CPython's, without ticks."""

import time as _real
from collections import namedtuple

_FIELDS = (
    "tm_year",
    "tm_mon",
    "tm_mday",
    "tm_hour",
    "tm_min",
    "tm_sec",
    "tm_wday",
    "tm_yday",
    "tm_isdst",
)
_Struct = namedtuple("struct_time", _FIELDS)

sleep = _real.sleep
_ticks_ms, _localtime, _mktime, _time = _real.ticks_ms, _real.localtime, _real.mktime, _real.time


def struct_time(time_tuple):
    if len(time_tuple) != 9:
        raise TypeError("time.struct_time() takes a 9-sequence")
    return _Struct(*time_tuple)


def time():
    return int(_time())


def monotonic():
    return _ticks_ms() / 1000


def monotonic_ns():
    return _ticks_ms() * 1000000


def localtime(secs=None):
    return _Struct(*_localtime(time() if secs is None else secs)[:8], -1)


def mktime(t):
    return int(_mktime(tuple(t)[:8]))


__name__ = "time"
