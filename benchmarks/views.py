# SPDX-License-Identifier: Apache-2.0
"""What views of objects cost, and how many samples a second reach a plot."""

from __future__ import annotations

from statistics import median

from benchmarks.boards import COUNTED, UNSHAPED, Link
from benchmarks.measure import worker
from benchmarks.peers import OUR_VIEWS

__all__ = ["CLICKS", "FIRST", "SHOWN", "Numbers", "costs", "samples"]

SHOWN = {
    "pin": "Pin",
    "pwm": "PWM",
    "adc": "ADC",
    "bus": "I2C, 5 registers",
    "spi": "SPI",
    "uart": "UART",
    "rtc": "RTC",
    "lights": "NeoPixel, 8 lights",
    "screen": "framebuffer, 128 x 64",
    "settings": "dict",
    "readings": "list, 100 items",
    "thing": "object of a class",
}
"""Objects of the worker, and what they are."""

CLICKS = {
    "pin": "switch it",
    "pwm": "move the duty",
    "bus": "change a field",
    "spi": "transfer 3 bytes",
    "uart": "send a line",
    "rtc": "set it",
    "lights": "colour one",
    "settings": "change a value",
}

FIRST = {"show screen": 2}
"""Round trips of what takes more than one the first time: what the driver is derived from is asked
for once for each type."""

BATCH = 20_000
"""Samples of the plot."""

Numbers = dict[str, dict[str, float]]
"""By what was done, such as ``look pin``."""


def costs(times: int) -> Numbers:
    """Round trips of the first time, helpers included; bytes and median time of later ones."""
    found: Numbers = {}
    orders = [f"{what}-{name}" for name in SHOWN for what in ("show", "look")]
    with worker(OUR_VIEWS, COUNTED) as one:
        one.ask("define")
        for order in [*orders, *(f"click-{name}" for name in CLICKS)]:
            before = one.board.counts()
            one.ask(order)
            between = one.board.counts()
            ms = median(one.ask(order, times)["ns"]) / 1e6
            after = one.board.counts()
            moved = sum(after[way] - between[way] for way in ("up", "down"))
            trips = between["trips"] - before["trips"]
            found[order.replace("-", " ")] = {"trips": trips, "ms": ms, "wire": moved / times}
    return found


def samples(times: int, link: Link = UNSHAPED) -> dict[str, float]:
    """Samples a second of 3 channels, from the board's ``emit`` to the figure in the kernel."""
    with worker(OUR_VIEWS, link) as one:
        one.ask("define")
        one.ask("plot")
        seconds = median(one.ask("plot", times)["ns"]) / 1e9
    return {"per second": BATCH / seconds}
