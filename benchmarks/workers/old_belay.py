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

    @device.task
    def count(n):
        yield from range(n)

    device(
        "class Box:\n def __init__(self):\n  self.items=list(range(100))\n"
        " def double(self,x):\n  return 2*x\nbox=Box()"
    )
    made.update(f=f, area=area, count=count, box=device("box", proxy=True))


def close():
    if "device" in made:
        made.pop("device").close()


serve(
    {
        "connect": connect,
        "define": define,
        "call": lambda: made["f"](7),
        "area": lambda: made["area"](3, 4),
        "method": lambda: made["box"].double(21),
        "items": lambda: list(made["box"].items),
        "ten": lambda: list(made["count"](10)),
        "thousand": lambda: list(made["count"](1000)),
        "hundred": lambda: [made["box"].double(number) for number in range(100)],
        "close": close,
    }
)
close()
