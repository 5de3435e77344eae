# SPDX-License-Identifier: Apache-2.0
"""Names of the host program: which ones a function will look for on the board."""

from __future__ import annotations

import io
import linecache
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from belay.source.capture import capture, capture_body
from belay.source.hostnames import host_name_warning

PIN = 25
LIMITS = {"low": 1}


def helper() -> int:
    return PIN


class Thing:
    pass


@pytest.fixture
def cell() -> Iterator[Callable[[str], Any]]:
    """Defines ``f`` as a cell of a notebook does, in globals that hold some names."""
    name = "<names>"

    def run(source: str) -> Any:
        linecache.cache[name] = (len(source), None, list(io.StringIO(source)), name)
        names: dict[str, Any] = dict.fromkeys(["PIN", "T", "helper", "time", "x", "y", "led"], 1)
        names.update(print=print, len=5, board=lambda function: function)
        exec(compile(source, name, "exec"), names)
        return names["f"]

    yield run
    linecache.cache.pop(name, None)


@pytest.mark.parametrize(
    ("source", "names"),
    [
        ("def f(): return PIN", ("PIN",)),
        ("def f(): return time.sleep(PIN) + helper()", ("time", "PIN", "helper")),
        ("def f(): return unknown", ()),
        ("def f(PIN): return PIN", ()),
        ("def f():\n PIN = 5\n return PIN", ()),
        ("def f():\n import time\n return time.time()", ()),
        ("def f():\n from PIN import x\n return x", ()),
        ("def f():\n global PIN\n PIN = 5\n return PIN", ()),
        ("def f():\n global PIN\n return PIN", ("PIN",)),
        ("def f(): return f", ()),
        ("def f(): print(len('x'))", ()),  # the board has these, whatever the host made of them
        ("def f(): return unknown.PIN, unknown(x=1)", ()),
        # Annotations and decorators are not the board's; defaults are.
        ("def f(a: T = PIN, *b: T, c: T = y, **d: T) -> T: return a", ("PIN", "y")),
        ("def f():\n a: T = PIN\n b: T\n return a", ("PIN",)),
        ("def f():\n x: T\n x = 5\n return x", ()),
        ("def f():\n def g(a: T) -> T: return PIN\n return g(1)", ("PIN",)),
        ("@board\ndef f(): return 1", ()),
        ("def f():\n @board\n def g(): pass\n return g", ("board",)),
        # Scopes inside it.
        ("def f(): return [PIN for x in y]", ("PIN", "y")),
        ("def f(): return {x: PIN for x in (1,)}, x", ("PIN", "x")),
        ("def f(): return (lambda x: x + PIN)(1)", ("PIN",)),
        ("def f():\n def g():\n  return x\n x = 1\n return g()", ()),
        ("def f():\n def g(): return x + y\n return lambda: g() + PIN", ("x", "y", "PIN")),
        ("def f():\n class A(T):\n  x = PIN\n  y = x\n return A", ("T", "PIN")),
        ("def f():\n class A:\n  def g(self): return x\n  x = 1\n return A", ("x",)),
        ("def f():\n if (x := 5): return x", ()),
        ("def f():\n try: pass\n except T as x: return x", ("T",)),
        ("def f():\n with y as x: return x", ("y",)),
        ("def f():\n for x in y: pass\n del x", ("y",)),
        ("async def f():\n async with y as x: await helper(x)", ("y", "helper")),
        ("def f():\n led.value = PIN\n yield x", ("led", "PIN", "x")),
        ("def f(): return f'{PIN:{x}}'", ("PIN", "x")),
    ],
)
def test_names_that_the_board_will_look_for(
    source: str, names: tuple[str, ...], cell: Callable[[str], Any]
) -> None:
    assert set(capture(cell(source)).host_names) == set(names)


def test_order_of_first_use(cell: Callable[[str], Any]) -> None:
    assert capture(cell("def f(): return [y,\n PIN, x, y]")).host_names == ("y", "PIN", "x")


def uses() -> Any:
    found = Thing()
    time.sleep(helper())
    return found, math.pi, LIMITS


def test_what_is_on_the_board_is_left_out() -> None:
    assert capture(uses).host_names == ("Thing", "time", "helper", "math", "LIMITS")
    seen: dict[str, object] = {}

    def is_on_board(name: str, value: object) -> bool:
        seen[name] = value
        return name in ("time", "math")

    assert capture(uses, is_on_board).host_names == ("Thing", "helper", "LIMITS")
    assert seen == {
        "Thing": Thing, "time": time, "helper": helper, "math": math, "LIMITS": LIMITS,
    }  # fmt: skip


def begin(rate: Thing, pin=PIN) -> None:
    started = [rate, LIMITS]

    def again():
        return started, math.pi


def test_names_of_a_body() -> None:
    # Its parameters are globals by then, and so are the variables that it makes.
    assert set(capture_body(begin).host_names) == {"PIN", "LIMITS", "math"}


def test_a_closure_over_what_the_board_has_is_no_host_name() -> None:
    PIN = 5

    def inner() -> int:
        return PIN

    assert capture(inner, lambda name, value: True).host_names == ()


def test_the_warning_says_where_and_what_to_do() -> None:
    captured = capture(uses)
    text = host_name_warning(captured, ["LIMITS"])
    lines = Path(__file__).read_text(encoding="utf-8").split("\n")
    number = next(n for n, line in enumerate(lines, 1) if "math.pi, LIMITS" in line)
    assert text == (
        f"{__file__}:{number}: uses() uses LIMITS, a name of the host program that does not exist "
        "on the board. Pass it as an argument, import it inside the function, or define it on the "
        "board first."
    )
    two = host_name_warning(captured, ["helper", "LIMITS"])
    assert two.startswith(f"{__file__}:{number - 1}: uses() uses helper, LIMITS, names of the")
    assert "Pass them as arguments" in two
