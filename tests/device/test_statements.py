# SPDX-License-Identifier: Apache-2.0
"""``device("…")``: what is an expression, what it returns, and what it costs."""

from __future__ import annotations

import math
from typing import Any

import pytest

import belay


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 + 2", 3),
        ("  6 * 7  ", 42),
        ("\n    6 *\\\n    7\n", 42),
        ("[\n  1,\n  2,\n]", [1, 2]),
        ("1, 2", (1, 2)),
        ("lambda: 1 if None else 2\n", None),
        ("'é€😀\\n\\0'", "é€😀\n\0"),
        ("x = 3", None),
        ("x", 3),
        ("x = 4; x", None),
        ("", None),
        ("   \n\n", None),
        ("# only a comment", None),
        ("f'{1 + 1}'", "2"),
        ("2 ** 100", 2**100),
        ("{'a': [1, (2, {3}, b'4')], 5: None}", {"a": [1, (2, {3}, b"4")], 5: None}),
    ],
)
def test_expressions_have_a_value(device: belay.Device, source: str, value: Any) -> None:
    if source.startswith("lambda"):
        with pytest.raises(belay.UnsupportedValueError, match="function"):
            device(source)
    else:
        device("x = 3")
        got = device(source)
        assert got == value
        assert type(got) is type(value)


def test_statements_are_dedented(device: belay.Device) -> None:
    result = device(
        """
        total = 0
        for i in range(5):
            if i % 2:
                total += i
        """
    )
    assert result is None
    assert device("total") == 4


def test_white_space_in_strings_stays(device: belay.Device) -> None:
    device("text = '''a\n  b\n\n\tc'''")
    assert device("text") == "a\n  b\n\n\tc"


def test_code_runs_in_main(device: belay.Device) -> None:
    device("def double(x): return 2 * x")
    assert device("__name__") == "__main__"
    assert device("double(21)") == 42
    assert device("__import__('__main__').double(4)") == 8


def test_micropython_has_the_last_word_on_syntax(device: belay.Device) -> None:
    # Python 3.12 and later warn of it, MicroPython does not; the host must not mind either way.
    assert device(r"'\d'") == "\\d"
    with pytest.raises(belay.PyboardException) as caught:
        device("match 1:\n    case 1:\n        pass\n")
    assert caught.value.type == "SyntaxError"


def test_new_statements_for_hours_leave_the_boards_heap_flat(device: belay.Device) -> None:
    device("import gc")
    free = []
    for turn in range(3):
        for number in range(200):
            device(f"value = {turn * 1000 + number}")
        free.append(device("(gc.collect(), gc.mem_free())")[1])
    assert abs(free[2] - free[1]) < 1500, free  # a name for each would be 20 bytes apiece


def test_run_cell(device: belay.Device, capsys: pytest.CaptureFixture[str]) -> None:
    assert device.run_cell("a = 2\nprint('in')\na * 21") == 42
    assert device.run_cell("a * 21;") is None
    assert device.run_cell("a * 21", result=False) is None
    assert capsys.readouterr().out == "in\n"
    with pytest.raises(belay.PyboardException, match=r"Cell In\[3\], line 12, in <module>"):
        device.run_cell("\n\n1/0", filename="<cell 3>", first_line=10, label="Cell In[3]")


def test_values_travel_exactly(device: belay.Device) -> None:
    same = device.task(same_again)
    for value in (0.1, -0.0, 1e300, 5e-324, math.inf, -math.inf, 1j, 2**64, -(2**63), b"\0\xff"):
        got = same(value)
        assert (type(got), repr(got)) == (type(value), repr(value))
    assert math.isnan(same(math.nan))
    for value in (bytearray(b"ab"), {1, 2}, frozenset([3]), range(2, 9, 3), "", [], {}, (), set()):
        got = same(value)
        assert (type(got), got) == (type(value), value)


def same_again(x):
    return x


def test_a_megabyte(device: belay.Device) -> None:
    same = device.task(same_again)
    data = bytes(range(256)) * 4096
    assert same(data) == data
