# SPDX-License-Identifier: Apache-2.0
"""What the text of a cell says about its names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belay_jupyter.definitions import Definition, definitions, in_scope
from belay_jupyter.names import in_text

CELL = '''\
import machine, os.path as p
from machine import Pin, I2C as Bus
from drivers import *
led = Pin(25)
a, (b, *c) = 1, [2]
d = e = led
if led:
    f: Bus = None
for i in range(3):
    with open("x") as g:
        h = "x"
try:
    pass
except OSError as error:
    j = {1: 2}
k = 1 if a else 2

def run(x, *rest, y=1, **more) -> int:
    "Runs."
    inner = 1

@micropython.native
async def wait(): ...

class Sensor(Base, machine.Signal):
    """Feels."""
    RATE = 3
    def __init__(self, bus: Bus, /, address=0x76, *, fast=False):
        self.bus = bus
        self.time: float = 0.0
        self.count += 1
        bus.x = 1
    def read(self, n=1):
        "Reads."
    @staticmethod
    def of(pin): ...
    @property
    def value(self):
        "Is felt."
'''


def test_what_is_defined() -> None:
    found = definitions(CELL)
    names = "machine p Pin Bus led a b c d e f i g h error j k run wait Sensor"
    assert " ".join(found) == names
    kinds = {name: one.kind for name, one in found.items() if one.kind}
    assert kinds == {
        **dict.fromkeys(("machine", "p"), "module"),
        **dict.fromkeys(("run", "wait"), "function"),
        "Sensor": "class",
    }
    imported = {name: (one.module, one.path) for name, one in found.items() if one.module}
    assert imported == {
        "machine": ("machine", ()),
        "p": ("os.path", ()),
        "Pin": ("machine", ("Pin",)),
        "Bus": ("machine", ("I2C",)),
    }
    made = {name: ".".join(one.made_by) for name, one in found.items() if one.made_by}
    expected = "led=Pin a=int f=Bus g=open h=str error=OSError j=dict"
    assert " ".join(f"{name}={maker}" for name, maker in made.items()) == expected
    assert found["d"].path == found["e"].path == ("led",)


def test_functions_and_classes() -> None:
    found = definitions(CELL)
    run = found["run"]
    assert (run.signature, run.doc) == ("(x, *rest, y=1, **more) -> int", "Runs.")
    assert run.line == CELL.split("\n").index("def run(x, *rest, y=1, **more) -> int:") + 1
    assert run.source.startswith("def run")
    assert run.source.endswith("inner = 1")
    sensor = found["Sensor"]
    assert sensor.signature == "(bus: Bus, /, address=118, *, fast=False)"
    assert sensor.doc == "Feels."
    assert sensor.bases == (("Base",), ("machine", "Signal"))
    assert list(sensor.members) == [
        "RATE",
        "__init__",
        "bus",
        "time",
        "count",
        "read",
        "of",
        "value",
    ]
    assert sensor.members["read"].signature == "(n=1)"
    assert sensor.members["of"].signature == "(pin)"
    assert sensor.members["value"].kind == "property"
    assert sensor.members["time"].made_by == ("float",)


@pytest.mark.parametrize(
    ("cell", "line", "expected"),
    [
        ("def f(x: Pin, y):\n    z = A()\n    x.\n\nw = 1", 3, {"x": "Pin", "z": "A", "w": "int"}),
        ("def f(x):\n    z = A()\n    if x:\n        z.", 4, {"z": "A"}),
        ("def f(x):\n    z = A()\n\nq = 1\nq.", 5, {"q": "int", "z": None, "x": None}),
        ("class C:\n    def m(self, other):\n        self.", 3, {"self": "C"}),
        ("class C:\n    @staticmethod\n    def m(other):\n        other.", 4, {"other": ""}),
        ("class C:\n    def m(self):\n        for i in (", 3, {"self": "C"}),
        ("x = A()\nfor i in x\n    y = B()\nx.", 4, {"x": "A"}),
        ("x = A()\nif x.", 2, {"x": "A"}),
        ("x = A()\nwhile True:\n", 3, {"x": "A"}),
        ("x = A()\nprint(x.\ny = 2\n", 2, {"x": "A", "y": "int"}),
        ("x = 'nul\0'\ny = 1", 2, {}),
    ],
)
def test_cells_that_are_being_typed(cell: str, line: int, expected: dict[str, str | None]) -> None:
    found = in_scope(cell, line)
    for name, maker in expected.items():
        assert (found.get(name) is None) == (maker is None), found
        if maker is not None:
            assert ".".join(found[name].made_by) == maker


@given(st.text(alphabet="ab.=()[]:'\"\n \t,\\#*@defclass", max_size=60), st.integers(0, 9))
def test_no_text_is_too_odd(text: str, line: int) -> None:
    assert all(isinstance(one, Definition) for one in in_scope(text, line).values())
    in_text(text)


@pytest.mark.parametrize(
    ("before", "inside"),
    [
        ("x", False),
        ("'x", True),
        ("'x'", False),
        ("'it\\'s", True),
        ('"a" + "b', True),
        ("# it's", True),
        ("# it's\nx", False),
        ("'open\nx", False),
        ("'''a\nb", True),
        ("'''a\nb'''", False),
        ("'#' + x", False),
        ("'''it's", True),
        ("''", False),
    ],
)
def test_strings_and_comments(before: str, inside: bool) -> None:
    assert in_text(before) is inside
