# SPDX-License-Identifier: Apache-2.0
"""The least that a call can cost: one plain raw-REPL exchange, blocking reads, nothing checked."""

from __future__ import annotations

import os
import sys

from turns import serve

port = os.open(sys.argv[1], os.O_RDWR | os.O_NOCTTY)

SOURCE = b"""
def f(x):
    return 6 * x
"""


def exchange(program, end):
    os.write(port, program)
    got = b""
    while not got.endswith(end):
        got += os.read(port, 4096)
    return got


def connect():
    exchange(b"\r\x03\x03\r\x01", b"raw REPL; CTRL-B to exit\r\n>")


def call():
    got = exchange(b"print(f(7))\x04", b"\x04>")
    return int(got[2 : got.index(b"\x04")])


serve({"connect": connect, "define": lambda: exchange(SOURCE + b"\x04", b"\x04>"), "call": call})
