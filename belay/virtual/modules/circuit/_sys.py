# SPDX-License-Identifier: Apache-2.0
"""``sys`` of CircuitPython: another implementation, and streams of text without a ``buffer``."""

import sys as _real
from collections import namedtuple
from io import IOBase

_LACKS = ("implementation", "platform", "version", "stdin", "stdout", "stderr", "print_exception")

for _name in dir(_real):
    if _name not in _LACKS:
        globals()[_name] = getattr(_real, _name)
del _name

_Implementation = namedtuple("implementation", ("name", "version", "_machine", "_mpy"))
implementation = _Implementation(
    "circuitpython", (10, 3, 1, ""), "Raspberry Pi Pico with rp2040", _real.implementation._mpy
)
platform = "RP2040"
version = "3.4.0; Adafruit CircuitPython 10.3.1 on 2026-09-14"


class TextIOWrapper(IOBase):
    def __init__(self, stream):
        self._stream = stream
        self.read = stream.read
        self.readline = stream.readline
        self.readlines = stream.readlines
        self.write = stream.write

    def ioctl(self, request, argument):
        if request != 3:  # what select.poll asks
            return 0
        from select import poll

        poller = poll()
        poller.register(self._stream, argument)
        ready = poller.poll(0)
        return ready[0][1] if ready else 0


stdin = TextIOWrapper(_real.stdin)
stdout = TextIOWrapper(_real.stdout)
stderr = TextIOWrapper(_real.stderr)
__name__ = "sys"
