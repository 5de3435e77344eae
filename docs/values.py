# SPDX-License-Identifier: Apache-2.0
"""Writes the table of docs/values.md: each value goes to a virtual board and back.

Run it with ``python docs/values.py``; a test runs it too and compares.
"""

from __future__ import annotations

import array
import collections
import datetime
import decimal
import enum
import pathlib
from collections.abc import Iterator
from typing import Any

import belay

PAGE = pathlib.Path(__file__).with_name("values.md")
BEGIN, END = "<!-- table: begin -->\n", "<!-- table: end -->\n"

Point = collections.namedtuple("Point", "x y")


class Level(enum.IntEnum):
    LOW = 0


def numpy_values() -> list[tuple[str, Any]]:
    import numpy as np

    return [
        ("`numpy.ndarray`, one dimension", np.array([1, 2], "int16")),
        ("`numpy.ndarray`, more dimensions", np.zeros((2, 2), "float32")),
        ("`numpy` scalars", np.float64(1.5)),
    ]


HOST: list[tuple[str, Any]] = [
    ("`None`", None),
    ("`bool`", True),
    ("`int`, of any size", 10**40),
    ("`float`, also `nan`, `inf`, `-0.0`", float("nan")),
    ("`complex`", 1 + 2j),
    ("`str`", "é"),
    ("`bytes`", b"\0"),
    ("`bytearray`", bytearray(b"\0")),
    ("`list`", [1, [2]]),
    ("`tuple`", (1, (2,))),
    ("`dict`", {1: {2: 3}}),
    ("`set`", {1}),
    ("`frozenset`", frozenset([1])),
    ("`range`", range(1, 9, 2)),
    ("`array.array`", array.array("h", [1])),
    ("`memoryview`", memoryview(array.array("f", [1.5]))),
    *numpy_values(),
    ("`enum.IntEnum`", Level.LOW),
    ("`collections.namedtuple`", Point(1, 2)),
    ("`collections.OrderedDict`", collections.OrderedDict(a=1)),
    ("`datetime.datetime`", datetime.datetime(2026, 11, 23)),
    ("`decimal.Decimal`", decimal.Decimal(1)),
    ("functions and classes", len),
]
"""What a host has."""

BOARD: list[tuple[str, str]] = [
    *[(name, f"{value!r}".replace("nan", "float('nan')")) for name, value in HOST[:14]],
    ("`array.array`", "array('h', [1])"),
    ("`memoryview`", "memoryview(array('f', [1.5]))"),
    ("`dict.keys()`, `.values()`, `.items()`", "{1: 2}.items()"),
    ("`namedtuple`", "namedtuple('Point', 'x y')(1, 2)"),
    ("`OrderedDict`", "OrderedDict([('a', 1)])"),
    ("`deque`", "deque((1, 2), 5)"),
    ("`machine.Pin` and other hardware", "Pin(2)"),
    ("instances of your classes", "Own()"),
    ("exceptions as values", "ValueError(1)"),
    ("functions, classes, modules", "print"),
    ("generators and iterators", "iter([1, 2])"),
]
"""What a board has, as expressions there."""

PREPARED = """
from array import array
from collections import OrderedDict, deque, namedtuple
class Own:
    pass
"""


def shown(call: Any) -> str:
    """What a call makes of a value: its type, or that it is refused."""
    try:
        return f"`{call()}`"
    except belay.UnsupportedValueError:
        return "—"


def by_value(device: belay.Device, source: str) -> str:
    value = device(source)
    return "NoneType" if value is None else type(value).__name__


def rows() -> Iterator[tuple[str, str, str, str]]:
    """Name, what arrives on the board, what comes back, and what ``proxy=True`` makes of it."""
    with belay.Device("virtual:") as device:
        device(PREPARED)

        @device.task
        def kind(value):  # type: ignore[no-untyped-def]
            return type(value).__name__

        up: dict[str, str] = {}
        for name, value in HOST:
            up[name] = shown(lambda value=value: kind(value))
        down, kept = {}, {}
        for name, source in BOARD:
            down[name] = shown(lambda source=source: by_value(device, source))
            result = device(source, proxy=True)
            kept[name] = "proxy" if isinstance(result, belay.ProxyObject) else "value"
        for name in dict.fromkeys([*up, *down]):
            yield name, up.get(name, ""), down.get(name, ""), kept.get(name, "")


def table() -> str:
    """The table, as Markdown."""
    lines = [
        "| | as an argument it arrives as | as a result it comes back as | with `proxy=True` |",
        "|---|---|---|---|",
    ]
    lines += [f"| {' | '.join(row)} |" for row in rows()]
    return "\n".join(lines) + "\n"


def page() -> str:
    """The page with a table made now."""
    head, _, rest = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    tail = rest.partition(END)[2]
    return head + BEGIN + table() + END + tail


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
