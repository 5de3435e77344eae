# SPDX-License-Identifier: Apache-2.0
"""The body of a function as statements of a module: what ``setup`` and ``teardown`` send."""

from __future__ import annotations

import functools
import io
import linecache
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import belay
from belay.errors import SourceError
from belay.source.capture import CapturedBody, capture_body

RunCell = Callable[[str], dict[str, Any]]


@pytest.fixture
def cell() -> Iterator[RunCell]:
    """Runs source as IPython runs a cell: under a name that only linecache knows."""
    added: list[str] = []

    def run(source: str) -> dict[str, Any]:
        name = f"<body-{len(added)}>"
        added.append(name)
        linecache.cache[name] = (len(source), None, list(io.StringIO(source)), name)
        names: dict[str, Any] = {"functools": functools}
        exec(compile(source, name, "exec"), names)
        return names

    yield run
    for name in added:
        del linecache.cache[name]


def body_of(cell: RunCell, source: str, name: str = "f") -> CapturedBody:
    return capture_body(cell(source)[name])


@pytest.mark.parametrize(
    ("source", "first_line", "text"),
    [
        ("def f():\n    x = 1\n    y = 2\n", 2, "x = 1\ny = 2\n"),
        ("def f(): x = 1", 1, "x = 1"),
        ("def f(): x = 1; y = 2  # both\n", 1, "x = 1; y = 2  # both\n"),
        ("def f():x = [1,\n      2]; y = 3\n", 1, "x = [1,\n      2]; y = 3\n"),
        ("def f(a,\n      b=')'): x = 1\n", 2, "x = 1\n"),
        ("def f(\n    a, b=(1, 2)\n):\n    x = 1\n", 4, "x = 1\n"),
        ("def f(a=lambda: 1) -> (lambda: 2): x = '''\n  a'''\n", 1, "x = '''\n  a'''\n"),
        ("def f(a=[1][0:1]) -> lambda: 2:\n  x = 1\n", 2, "x = 1\n"),
        ("def f():  # a (\n\n    # comment:\n\n    x = 1\n\n    y = 2\n", 5, "x = 1\n\ny = 2\n"),
        ("def f(): \\\n    x = 1\n", 2, "x = 1\n"),
        ("def f():\n    x = '''a\n    b\n  c'''\n    y\n", 2, "x = '''a\n    b\n  c'''\ny\n"),
        ("def f():\n    x = (1,\n  2,\n      3)\n", 2, "x = (1,\n  2,\n  3)\n"),
        ("def f():\n\tif a:\n\t\tb\n\n# left\n\tc\n", 2, "if a:\n\tb\n\n# left\nc\n"),
        ("def f():\n    '''doc\n    more'''\n    x = 1\n", 2, "'''doc\n    more'''\nx = 1\n"),
        ("def f():\n    'doc'\n", 2, "'doc'\n"),
        ("def f(): 'doc'; x = 1\n", 1, "'doc'; x = 1\n"),
        ("def f(): pass\n", 1, "pass\n"),
        ("def f(): (x)(1)\n", 1, "(x)(1)\n"),
        (
            "def f():\n  @a(\n    1)\n  @(\n    b)\n  def g(): return 1\n",
            2,
            "@a(\n  1)\n@(\n  b)\ndef g(): return 1\n",
        ),
        ("def f():\n  global x\n  x = 1\n", 2, "global x\nx = 1\n"),
        ("def f():\n  def g():\n    yield 1\n  return_ = lambda: (yield)\n", 2, None),
        ("def f():\n  class A:\n    async def g(self): return await self\n", 2, None),
        ("def f():\n  x = 1\n  def g(): return x\n", 2, None),
        (
            "@functools.lru_cache(\n  None)\n# why\n@functools.cache\ndef f():\n  x = 1\n",
            6,
            "x = 1\n",
        ),
        ("if 1:\n  if 1:\n    def f():\n      if a:\n        b\n      c\n", 4, "if a:\n  b\nc\n"),
        ("def f():\r\n    x = '''a\r\n    b'''\r\n    y\r\n", 2, "x = '''a\n    b'''\ny\n"),
        ("def f():\n    x = f'''{1}\n    b'''\n    y = 'é'; z = 1\n", 2, None),
    ],
)
def test_bodies(source: str, first_line: int, text: str | None, cell: RunCell) -> None:
    body = body_of(cell, source)
    if text is None:
        text = textwrap.dedent(source.partition("\n")[2])
        text = text.replace("\nb'''", "\n    b'''")  # what is inside strings stays
    assert (body.text, body.first_line, body.name) == (text, first_line, "f")
    # Each line that has code in it stands where it stood.
    lines = source.replace("\r\n", "\n").split("\n")
    for number, line in enumerate(text.split("\n"), first_line):
        assert line.strip() == "" or lines[number - 1].endswith(line)


class Sensor:
    def begin(rate):  # noqa: N805 - as in class bodies that describe a board
        """Start it."""
        started = rate  # noqa: F841
        text = """kept
          as it is"""  # noqa: F841


def test_a_method_of_this_file() -> None:
    body = capture_body(Sensor.begin)
    lines = Path(__file__).read_text(encoding="utf-8").split("\n")
    assert body.filename == __file__
    assert lines[body.first_line - 1].endswith(body.text.split("\n")[0])
    names: dict[str, Any] = {"rate": 5}
    exec(body.text, names)
    assert (names["started"], names["text"]) == (5, "kept\n          as it is")


def test_what_a_decorator_wraps_is_sent() -> None:
    def logged(function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            return function(*args)

        return wrapper

    @logged
    def begin():
        x = 1  # noqa: F841

    assert capture_body(begin).text == "x = 1  # noqa: F841\n"


@pytest.mark.parametrize(
    ("source", "line", "says"),
    [
        ("def f():\n  x = 1\n  return\n", 3, "nothing to return from"),
        ("def f(): return 5\n", 1, "nothing to return from"),
        ("def f():\n  for i in x:\n    with y:\n      if z: return i\n", 4, "to return from"),
        ("def f():\n  x = 1\n  yield x\n", 3, "nothing to yield from"),
        ("def f():\n  x = yield from y\n", 2, "nothing to yield from"),
        ("def f():\n  def g(a=(yield)): pass\n", 2, "nothing to yield from"),
        ("def f():\n  g = lambda a=(yield): a\n", 2, "nothing to yield from"),
        ("async def f():\n  await x\n", 1, "an async function must be awaited"),
        ("async def f():\n  yield x\n", 1, "an async function must be awaited"),
        ("def f():\n  x = 1\n\n  def g():\n    nonlocal x\n    x = 2\n", 5, "use global"),
    ],
)
def test_what_cannot_run_in_global_scope(source: str, line: int, says: str, cell: RunCell) -> None:
    with pytest.raises(SourceError, match=says) as caught:
        body_of(cell, source)
    assert isinstance(caught.value, ValueError)  # as Belay 0.30 had it for generators
    assert str(caught.value).startswith(f"<body-0>:{line}: the body of f() runs in the board's")


def test_a_closure_is_refused_as_for_tasks() -> None:
    rate = 5

    def begin():
        print(rate)

    with pytest.raises(SourceError, match=r"begin\(\) uses rate from the function around it"):
        capture_body(begin)
    assert capture_body(begin, lambda name, value: name == "rate").text == "print(rate)\n"


def test_on_a_board(cell: RunCell) -> None:
    source = """\
def f(rate):
    '''Doc
    string.'''
    global total
    total = rate
    def add(n=1):
        global total
        total += n
        return total
    text = '''a
    b'''
    class A:
        x = [rate + i for i in range(2)]
    add(); add(
  n=2)
"""
    with belay.Device("virtual:", startup="") as device:
        device("rate = 5")
        device(body_of(cell, source).text)
        assert device("total, add(), text, A.x") == (8, 9, "a\n    b", [5, 6])
