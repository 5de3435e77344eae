# SPDX-License-Identifier: Apache-2.0
"""What Tab and Shift-Tab say about the names of a board."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from belay.device import Device
from belay_jupyter import knowledge, sources
from belay_jupyter.cells import CellSource
from belay_jupyter.completion import complete, matches, members_of_proxy
from belay_jupyter.inspection import called_at, describe_proxy, inspect

LONG_AGO = 60.0

CELL = '''\
import machine
from machine import Pin
led = Pin(25, Pin.OUT)
ran = []

class Sensor:
    """Feels."""
    rate = 2
    def __init__(self, pin, *, offset=0.0):
        self.pin = pin
        self.offset = offset
    def read(self, count=1):
        """The mean."""
        return count
    @property
    def value(self):
        ran.append("value")
        return 1
    def __getattr__(self, name):
        ran.append(name)
        raise AttributeError(name)
    def __repr__(self):
        ran.append("repr")
        return "a sensor"
    def __dir__(self):
        ran.append("dir")
        return ["odd"]

class Lazy:
    def __get__(self, owner, kind):
        ran.append("get")
        return led

class Faster(Sensor):
    lazy = Lazy()
    def faster(self): ...

s = Sensor(led, offset=2.0)
f = Faster(led)
many = [s]
'''


class NotebookBoard:
    """As much of a notebook's board as completion needs."""

    def __init__(self, device: Device) -> None:
        self.device = device
        self._count = 0

    def cell(self, text: str) -> None:
        """Run a cell."""
        self._count += 1
        source = CellSource(f"<test cell {self._count}>", 2, f"Cell In[{self._count}]", text)
        sources.remember(self.device, source)
        self.device.run_cell(text, filename=source.filename, first_line=2, label=source.label)

    def offered(self, code: str) -> dict[str, str]:
        """What Tab offers at the end of the code, with the types."""
        found = matches(self, code, len(code))  # type: ignore[arg-type]
        assert len({match.text for match in found.found}) == len(found.found)
        return {match.text: match.type for match in found.found}

    def told(self, code: str, detail: int = 0) -> str | None:
        """What Shift-Tab tells at the end of the code."""
        return inspect(self, code, len(code), detail)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def board() -> Iterator[NotebookBoard]:
    with Device("virtual:", startup="") as device:
        board = NotebookBoard(device)
        board.cell(CELL)
        yield board
        assert device("ran") == []  # nothing that was asked here has run anything


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """An idle board answers, however busy this machine is."""
    monkeypatch.setattr(knowledge, "PATIENCE", LONG_AGO)


PIN = {"value": "function", "OUT": "int", "toggle": "function"}
SENSOR = {"pin": "Pin", "offset": "float", "rate": "int", "read": "function", "value": "property"}


@pytest.mark.parametrize(
    ("code", "some", "never"),
    [
        ("led.", PIN, {"_id", "__init__"}),
        ("led.to", {"toggle": "function"}, {"value"}),
        ("led._", {"_id": "int"}, {"value", "__init__"}),
        ("led.__i", {"__init__": "function"}, {"_id"}),
        ("machine.Pin.", PIN, {"__init__"}),
        ("s.", SENSOR, {"odd"}),
        ("s.pin.", PIN, set()),
        ("f.", {**SENSOR, "faster": "function", "lazy": "Lazy"}, set()),
        ("Sensor.", {"read": "function", "value": "property"}, {"offset"}),
        ("many.", {"append": "function"}, {"read"}),
        ("le", {"led": "Pin", "len": "function"}, {"print"}),
        ("whi", {"while": "keyword"}, set()),
        ("x = [led.", PIN, set()),
        ("s . pin . to", {"toggle": "function"}, set()),
        ("print(f'{led.", {}, {"value"}),
        ("import mach", {"machine": "module"}, {"math"}),
        ("import sys, mach", {"machine": "module"}, set()),
        ("from mach", {"machine": "module"}, set()),
        ("import os.pa", {"os.path": "module"}, set()),
        ("from machine import P", {"Pin": "class", "PWM": "class"}, {"ADC"}),
        ("from machine import (Pin, A", {"ADC": "class"}, {"Pin"}),
        ("import asyncio\nasyncio.sl", {}, {"led"}),
        ("s.read(", {"count=": "param", "led": "Pin"}, set()),
        ("Sensor(led, of", {"offset=": "param"}, {"led"}),
        # What has not run yet, the source tells.
        ("import time\ntime.sl", {"sleep": "function", "sleep_ms": "function"}, set()),
        ("from machine import ADC\nadc = ADC(4)\nadc.re", {"read_u16": "function"}, set()),
        ("led = [1]\nled.", {"append": "function"}, {"toggle"}),
        ("led.\nled = [1]"[:4], PIN, {"append"}),
        ("s2 = Faster(led)\ns2.", {"read": "function", "faster": "function"}, set()),
        ("def go(bus: Sensor):\n    bus.", {"read": "function"}, set()),
        ("class New(Sensor):\n    def go(self):\n        self.re", {"read": "function"}, set()),
        ("fresh = 1\nfre", {"fresh": "int"}, set()),
        ("p = led\np.to", {"toggle": "function"}, set()),
        ("x = x()\nx.", {}, {"x"}),
    ],
)  # fmt: skip
def test_tab(board: NotebookBoard, code: str, some: dict[str, str], never: set[str]) -> None:
    offered = board.offered(code)
    assert {name: offered.get(name) for name in some} == some
    assert not never & set(offered)


@pytest.mark.parametrize(
    "code",
    [
        "s.value.",
        "s.nothing.",
        "f.lazy.",
        "'led.",
        "# led.",
        "led().",
        "many[0].",
        "1.",
        "nowhere.",
    ],
)
def test_what_only_running_it_would_tell_is_not_offered(board: NotebookBoard, code: str) -> None:
    assert board.offered(code) == {}
    assert board.told("s.value") is not None  # the property, not its value


def test_what_is_replaced(board: NotebookBoard) -> None:
    code = "x = led.tog + 1"
    assert complete(board, code, 11) == (["toggle"], 8, 11)  # type: ignore[arg-type]
    assert complete(None, code, 11) == ([], 8, 11)
    assert complete(None, "impo", 4) == (["import"], 0, 4)
    assert complete(None, "x = 1\nx", 7)[0] == ["x"]


def test_signatures_come_from_the_cells(board: NotebookBoard) -> None:
    found = matches(board, "s.read", 6).found  # type: ignore[arg-type]
    assert [match.signature for match in found] == ["(count=1)"]

    @board.device.task
    def from_the_host(pin, times=3):  # type: ignore[no-untyped-def]
        """Blinks."""

    told = board.told("from_the_host(")
    assert told is not None
    assert "from_the_host(pin, times=3)" in told
    assert "Blinks." in told
    assert __file__ in told


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ("led", ["Type:       Pin, on the board", "Functions:  high, init, irq"]),
        (
            "Sensor(",
            ["Init signature: Sensor(pin, *, offset=0.0)", "Docstring:  Feels.",
             "File:       Cell In[1], line 7", "Type:       class, on the board"],
        ),
        (
            "x = s.read(cou",
            ["Signature:  read(count=1)", "Docstring:  The mean.",
             "File:       Cell In[1], line 13", "Type:       function, on the board"],
        ),
        ("f.read", ["Signature:  read(count=1)"]),
        ("s", ["Class docstring: Feels.", "Type:       Sensor, on the board",
               "Attributes: offset, pin, rate, value"]),
        ("s.offset", ["Value:      2.0", "Type:       float, on the board"]),
        ("led.value", ["Signature:  value(...)", "Type:       function, on the board"]),
        ("machine", ["Type:       module, on the board", "Classes:    ADC, I2C"]),
        ("many", ["Type:       list, on the board"]),
        ("def new(a, b): 'New.'\nnew(", ["Signature:  new(a, b)", "Docstring:  New."]),
    ],
)  # fmt: skip
def test_shift_tab(board: NotebookBoard, code: str, lines: list[str]) -> None:
    told = board.told(code)
    assert told is not None
    for line in lines:
        assert line in told, told
    assert "Value" not in told or code == "s.offset"


def test_the_source(board: NotebookBoard) -> None:
    told = board.told("s.read", 1)
    assert told is not None
    assert "def read(self, count=1):\n    " in told
    assert board.told("nowhere") is None
    assert board.told("1 + ") is None


def test_proxies(board: NotebookBoard) -> None:
    s = board.device.proxy("s")
    made = board.device("Faster(led)", proxy=True)
    assert {match.text for match in members_of_proxy(s, (), "")} == set(SENSOR)
    assert "faster" in {match.text for match in members_of_proxy(made, (), "")}
    assert [match.text for match in members_of_proxy(made, ("pin",), "tog")] == ["toggle"]
    assert members_of_proxy(made, ("value",), "") == []
    told = describe_proxy(made, ("read",))
    assert told is not None
    assert "read(count=1)" in told
    assert "Class docstring: Feels." in (describe_proxy(s, ()) or "")


def test_a_name_that_means_something_else_by_now(board: NotebookBoard) -> None:
    board.cell("changing = 1")
    assert "append" not in board.offered("changing.")
    board.cell("changing = []")
    assert "append" in board.offered("changing.")
    board.cell("del changing")
    assert board.offered("changing.") == {}
    assert "changing" not in board.offered("chang")


# ------------------------------------------------------------------------------------ never a hang


class Running:
    """The board runs a cell that has no end."""

    def __init__(self, device: Device) -> None:
        self._device = device
        self._on = threading.Event()
        self._thread = threading.Thread(target=self._spin)

    def _spin(self) -> None:
        with pytest.raises(KeyboardInterrupt):
            self._device.run_cell("print('on')\nwhile True: pass", stream_out=self)

    def write(self, text: str) -> None:
        self._on.set()

    def __enter__(self) -> None:
        self._thread.start()
        assert self._on.wait(LONG_AGO)

    def __exit__(self, *_: object) -> None:
        self._device.interrupt()
        self._thread.join()


@pytest.fixture
def fresh_board() -> Iterator[NotebookBoard]:
    with Device("virtual:", startup="") as device:
        yield NotebookBoard(device)


def test_while_the_board_is_busy(fresh_board: NotebookBoard) -> None:
    board = fresh_board
    board.cell(CELL)
    assert board.offered("led.")
    assert board.offered("import mach")
    knowledge.prepare(board.device)
    with Running(board.device):
        begun = time.monotonic()
        assert board.offered("led.").items() >= PIN.items()
        assert board.offered("s.").items() >= SENSOR.items()
        assert board.offered("le").items() >= {"led": "Pin", "len": "function"}.items()
        assert board.offered("import mach") == {"machine": "module"}
        assert board.offered("many.")["append"] == "function"
        assert "read(count=1)" in (board.told("s.read(") or "")
        assert "this is what it said before" in (board.told("led") or "")
        assert time.monotonic() - begun < LONG_AGO  # the loop has no end
    assert board.device("ran") == []


def test_a_board_that_was_never_asked(fresh_board: NotebookBoard) -> None:
    board = fresh_board
    board.cell(CELL)
    with Running(board.device):
        assert board.offered("s.")["read"] == "function"
        assert board.offered("f.")["faster"] == "function"
        assert board.offered("le") == {"led": "Pin"}
        assert board.offered("import mach") == {"machine": "module"}
        assert board.offered("led.") == {}


def test_an_answer_that_does_not_come(
    fresh_board: NotebookBoard, monkeypatch: pytest.MonkeyPatch
) -> None:
    board = fresh_board
    board.cell(CELL)
    before = board.offered("s.")
    monkeypatch.setattr(knowledge, "PATIENCE", 0.05)
    answered = threading.Event()
    session: Any = board.device._session
    perform = session.perform_if_idle
    waiting = []

    def slow(*args: Any, **options: Any) -> Any:
        waiting.append(True)
        assert answered.wait(LONG_AGO)
        return perform(*args, **options)

    monkeypatch.setattr(session, "perform_if_idle", slow)
    for _ in range(3):
        assert board.offered("s.") == before
    assert len(waiting) == 1  # they do not pile up
    answered.set()
    monkeypatch.setattr(knowledge, "PATIENCE", LONG_AGO)
    with knowledge._known[board.device].asking:
        pass
    assert board.offered("s.") == before


def test_a_board_that_was_reset(fresh_board: NotebookBoard) -> None:
    board = fresh_board
    board.cell(CELL)
    assert board.offered("led.")
    s = board.device("s", proxy=True)
    board.device.soft_reset()
    assert board.offered("led.") == {}
    assert "led" not in board.offered("le")
    assert members_of_proxy(s, (), "") == []
    board.device.close()
    assert board.offered("led.").items() >= PIN.items()  # as the cell that made it says


def test_a_board_without_room_for_the_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("belay.session.session.AGENT_HEAP", 1 << 40)
    with Device("virtual:", startup="") as device:
        board = NotebookBoard(device)
        assert not device._session.agent
        board.cell(CELL)
        device("nobody_knows = 1")
        assert board.offered("nobody") == {"nobody_knows": ""}
        assert board.offered("s.")["read"] == "function"  # from the cell
        assert "read(count=1)" in (board.told("s.read(") or "")
        assert board.offered("led.") == {}
        assert board.offered("import mach") == {"machine": "module"}
        assert device("ran") == []


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("f(", "f"),
        ("a.b (1, ", "a.b"),
        ("f(g(1), [2], ", "f"),
        ("f(x)", ""),
        ("f[(", ""),
        ("(", ""),
        ("f(1])", ""),
        ("", ""),
    ],
)
def test_the_call_around_the_cursor(code: str, path: str) -> None:
    assert ".".join(called_at(code, len(code))) == path
