# SPDX-License-Identifier: Apache-2.0
"""Belay 0.30.1 on a serial port."""

from __future__ import annotations

import sys

from turns import serve

import belay

port = sys.argv[1]
made = {}


def connect():
    close()
    made["device"] = belay.Device(port)


def define():
    device = made["device"]

    @device.task
    def f(x):
        return 6 * x

    @device.task
    def area(w, h):
        return {"area": w * h, "unit": b"mm2"}

    made.update(f=f, area=area)


def close():
    if "device" in made:
        made.pop("device").close()


serve(
    {
        "connect": connect,
        "define": define,
        "call": lambda: made["f"](7),
        "area": lambda: made["area"](3, 4),
        "close": close,
    }
)
close()
