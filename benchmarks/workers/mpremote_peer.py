# SPDX-License-Identifier: Apache-2.0
"""mpremote 1.29.0 as a library, on a serial port."""

from __future__ import annotations

import sys

from mpremote.transport_serial import SerialTransport
from turns import serve

port = sys.argv[1]
made = {}

SOURCE = """
def f(x):
    return 6 * x
def area(w, h):
    return {"area": w * h, "unit": b"mm2"}
"""


def connect():
    close()
    made["transport"] = transport = SerialTransport(port, baudrate=115200)
    transport.enter_raw_repl()


def define():
    made["transport"].exec(SOURCE)


def close():
    if "transport" in made:
        made.pop("transport").close()


serve(
    {
        "connect": connect,
        "define": define,
        "call": lambda: made["transport"].eval("f(7)"),
        "area": lambda: made["transport"].eval("area(3, 4)"),
        "close": close,
    }
)
close()
