# SPDX-License-Identifier: Apache-2.0
"""``usb_cdc``: the console as a stream of bytes. There is no second port: ``data`` is None."""

import sys

import _board


class Serial:
    """The line that the REPL is on, as bytes."""

    timeout = write_timeout = None
    connected = True

    def __init__(self, stdin, stdout):
        self._stdin, self._stdout = stdin, stdout

    @property
    def in_waiting(self):
        return int(_board.input_waiting())

    def read(self, size=1):
        return self._stdin.read(size)

    def readline(self, size=-1):
        return self._stdin.readline()

    def write(self, data):
        return self._stdout.write(data)

    def flush(self):
        pass


console = Serial(sys.stdin._stream.buffer, sys.stdout._stream.buffer)
data = None


def enable(*, console=True, data=False):
    if not _board.drive_booting():
        raise RuntimeError("Cannot change USB devices now")


def disable():
    enable(console=False)
