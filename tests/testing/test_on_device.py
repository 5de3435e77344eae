# SPDX-License-Identifier: Apache-2.0
"""Tests whose body runs on the board, and what a failing assert shows."""

from __future__ import annotations

import ast
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from belay.source.cells import quietly
from belay.testing.rewriting import rewrite_asserts
from tests.testing.rigs import Runs
from tests.testing.rigs import runs as runs

pytest_plugins = ["pytester"]


def test_bodies_run_on_the_board(runs: Runs) -> None:
    runs.project("[tool.belay.boards.rig]\naddress = 'virtual:'\nwiring = { led = 25 }")
    done = runs.test(
        """
import pytest

pytestmark = pytest.mark.on_device

@pytest.mark.parametrize("numbers, total", [([1, 2], 3), ([], 0)], ids=["some", "none"])
def test_arguments_travel(numbers, total):
    import sys
    print("on", sys.platform)
    assert sum(numbers) == total

def test_wiring(wiring, device_log_is_not_there=None):
    from machine import Pin
    led = Pin(wiring["led"], Pin.OUT)
    led.on()
    assert led.value()

class TestInClass:
    def test_method(self):
        assert 1 < 2 < 3

async def test_coroutine():
    import asyncio
    await asyncio.sleep(0)
    assert True

@pytest.mark.boards("all")
def test_each():
    assert "machine" in __import__("sys").modules or True

@pytest.mark.requires("bluetooth")
def test_skipped():
    assert False
""",
        "-v",
        "-rP",
    )
    done.assert_outcomes(passed=6, skipped=1)
    text = done.stdout.str()
    assert "on webassembly" in text
    assert "test_each[rig] PASSED" in text


FAILING = """\
import pytest

pytestmark = pytest.mark.on_device

def test_compare():
    level = 3
    def read(pin):
        return [pin, level]
    assert read(2) == [2, 4], "the level"

def test_lines():
    values = {"a": 1}
    assert (
        values["a"] == 1
        and len(values) > 1
    )

def test_error():
    def inner(x):
        return 1 // x
    inner(0)

def test_caught():
    try:
        assert 1 == 2, "first"
    except AssertionError as error:
        assert str(error) == "first"
    raise ValueError("later")

def test_unsendable():
    class Thing:
        def __repr__(self):
            return "<thing>"
    assert Thing() is None

def test_timeout(device):
    pass
"""


def test_failures_look_like_those_of_pytest(runs: Runs) -> None:
    done = runs.test(FAILING)
    done.assert_outcomes(failed=6)
    text = "\n".join(line.rstrip() for line in done.stdout.lines)
    for shown in (
        '>       assert read(2) == [2, 4], "the level"\n'
        "E       AssertionError: the level\n"
        "E       assert [2, 3] == [2, 4]\n",
        "E         At index 1 diff: 3 != 4\n",
        "E        +  where read(2) = [2, 3]\n",
        "test_it.py:9: AssertionError",
        ">       assert (\n",
        "E       assert 1 == 1 and 1 > 1\n",
        'E        +  where values["a"] = 1\n',
        "E        +  where len(values) = 1\n",
        "test_it.py:13: AssertionError",
        "return 1 // x\n",
        "OnDeviceError: ZeroDivisionError: divide by zero",
        "test_it.py:20: OnDeviceError",
        "OnDeviceError: ValueError: later",
        "E       assert <thing> is None",
    ):
        assert shown in text, shown
    summary = text.partition("short test summary info")[2]
    assert "test_compare - AssertionError: the level" in summary
    assert "OnDeviceError: ZeroDiv" in summary
    assert re.search(r"test_timeout.*UnsupportedValueError", summary)


STATEMENTS = [
    "assert a",
    "assert a == b",
    "assert (a == b), 'text'",
    "assert not a",
    "assert a and not b or c",
    "assert a < b <= c",
    "assert all(x for x in a)",
    "assert f(a, *b, k=c, **d).x[0] + 1 != -a.b.c",
    "assert (y := f(a)) == 3",
    "assert [x for x in a] == b, f'{a} and {b}'",
    "assert (\n    a\n    ==\n    b\n)",
    "assert a if b else c",
    "assert 'ü' in a, 'ü'",
    "assert lambda x: x",
    "assert isinstance(a, (int, str))",
    "if a: assert b; f(a)",
    "assert a,(\n  'x'\n  'y')",
    "assert {'a': 1}['a']",
    "assert a is not None # why, not",
]


@pytest.mark.parametrize("statement", STATEMENTS)
def test_rewriting_keeps_lines_and_meaning(statement: str) -> None:
    text = (
        f"def f():\n    a\n{''.join(f'    {line}' for line in statement.splitlines(True))}\n    b\n"
    )
    done = rewrite_asserts(text)
    assert done.text.count("\n") == text.count("\n")
    with quietly():
        tree = ast.parse(done.text)
    restored = _Restore().visit(tree)
    assert ast.dump(restored) == ast.dump(ast.parse(text))
    lines = [node.lineno for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Assert)]
    assert [statement.first for statement in done.asserts] == lines


names = st.sampled_from("abc")
expressions = st.recursive(
    names | st.sampled_from(["1", "'x'", "None"]),
    lambda inner: st.one_of(
        st.builds("{} == {}".format, inner, inner),
        st.builds("({} and {})".format, inner, inner),
        st.builds("not {}".format, inner),
        st.builds("f({}, k={})".format, inner, inner),
        st.builds("({}).x".format, inner),
        st.builds("({})[{}]".format, inner, inner),
        st.builds("[{}, *{}]".format, inner, names),
        st.builds("({} + {})".format, inner, inner),
        st.builds("({} if {} else {})".format, inner, inner, inner),
    ),
    max_leaves=8,
)


@given(expressions, st.none() | expressions)
def test_any_condition(condition: str, message: str | None) -> None:
    try:
        ast.parse(f"({condition})")
    except SyntaxError:  # f(not a == b) and the like are fine; "a == not b" is not
        return
    test_rewriting_keeps_lines_and_meaning(
        f"assert {condition}" + (f", {message}" if _valid(message) else "")
    )


def _valid(text: str | None) -> bool:
    try:
        return text is not None and bool(ast.parse(text))
    except SyntaxError:
        return False


class _Restore(ast.NodeTransformer):
    """Takes out what the rewriting has put in."""

    def visit_Assert(self, node: ast.Assert) -> ast.Assert:
        assert isinstance(node.test, ast.BoolOp)
        begin, test = node.test.values
        assert ast.unparse(begin) == "_belay_seen(0)"
        assert isinstance(node.msg, ast.Call)
        told = node.msg.args[2:]
        msg = self.visit(told[0]) if told else None
        return ast.Assert(test=self.visit(test), msg=msg)

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if isinstance(node.func, ast.Name) and node.func.id == "_belay_seen":
            assert ast.unparse(node.args[0]) == "1"
            return self.visit(node.args[2])
        return self.generic_visit(node)
