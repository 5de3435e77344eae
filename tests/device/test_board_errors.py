# SPDX-License-Identifier: Apache-2.0
"""``PyboardException``: what was raised on the board, in the host's files and lines."""

from __future__ import annotations

import inspect
import pickle
import re
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import belay
from tests.device import decorated


def line_of(text: str) -> int:
    """The line of this file that reads ``text``."""
    lines = inspect.getsource(inspect.getmodule(line_of)).splitlines()  # type: ignore[arg-type]
    return [line.strip() for line in lines].index(text) + 1


def test_through_two_files(device: belay.Device) -> None:
    divide = device.task(decorated.divide)

    @device.task
    def mean(values):
        total = sum(values)
        return divide(total, len(values))

    with pytest.raises(belay.PyboardException) as caught:
        mean([])
    error = caught.value
    here = line_of("return divide(total, len(values))")
    there = decorated.divide.__code__.co_firstlineno + 3
    expected = (
        "Traceback (most recent call last):\n"
        f'  File "{__file__}", line {here}, in mean\n'
        "    return divide(total, len(values))\n"
        f'  File "{decorated.__file__}", line {there}, in divide\n'
        "    return a / b\n"
        "ZeroDivisionError: divide by zero\n"
    )
    assert error.args == (expected,)
    assert str(error) == "\n\n" + expected
    assert (error.type, error.value_args) == ("ZeroDivisionError", ("divide by zero",))
    assert [(f.filename, f.line, f.name, f.source) for f in error.frames] == [
        (__file__, here, "mean", "return divide(total, len(values))"),
        (decorated.__file__, there, "divide", "return a / b"),
    ]


def test_the_hosts_traceback_ends_with_it(device: belay.Device) -> None:
    fetch = device.task(decorated.fetch)
    try:
        fetch("b")
    except belay.BelayException as error:
        text = "".join(traceback.format_exception(error))
    assert text.rstrip().splitlines()[-1] == "KeyError: b"
    head = "belay.errors.PyboardException[KeyError]: \n\nTraceback (most recent call last):\n"
    assert head in text
    # Between the caller's line and the board's traceback stands next to nothing of ours.
    assert text.count("/belay/") <= 3
    assert "session.py" not in text


@pytest.mark.parametrize(
    ("source", "line", "shown", "kind"),
    [
        ("1 / 0", 1, "1 / 0", "ZeroDivisionError"),
        ("(1 +\n   missing)", 1, "(1 +", "NameError"),  # MicroPython counts so
        ("a = 1\nif a:\n    a.b = 2", 3, "a.b = 2", "AttributeError"),
        ("def f():\n    [][1]\nf()", 2, "[][1]", "IndexError"),
        ("x = 1\ny =\nz", 2, "y =", "SyntaxError"),
        ("import nowhere", 1, "import nowhere", "ImportError"),
        ("exec('1 / 0')", 1, "", "ZeroDivisionError"),
    ],
)
def test_statements_and_expressions(
    device: belay.Device, source: str, line: int, shown: str, kind: str
) -> None:
    with pytest.raises(belay.PyboardException) as caught:
        device(source)
    assert caught.value.type == kind
    last = caught.value.frames[-1]
    assert (last.line, last.source) == (line, shown)
    assert last.filename == ("<string>" if "exec" in source else "<device>")
    first = caught.value.frames[0]
    assert first.filename == "<device>"
    assert first.source == source.split("\n")[first.line - 1].strip()


def test_a_function_that_an_earlier_statement_defined(device: belay.Device) -> None:
    device("def early(n):\n    return 10 // n")
    device("other = 1\nother = 2")
    with pytest.raises(belay.PyboardException) as caught:
        device("x = 1\nearly(0)")
    assert [frame.source for frame in caught.value.frames] == ["early(0)", "return 10 // n"]


@pytest.mark.parametrize(
    ("raised", "kind", "args"),
    [
        ("OSError(2)", "OSError", (2,)),
        ("KeyError('k')", "KeyError", ("k",)),
        ("ValueError()", "ValueError", ()),
        ("ValueError('a', 1, None)", "ValueError", ("a", 1, None)),
        ("ValueError(['x'])", "ValueError", (["x"],)),
        ("KeyboardInterrupt", "KeyboardInterrupt", ()),
        ("type('Own', (Exception,), {})(b'x')", "Own", (b"x",)),
        ("StopIteration(5)", "StopIteration", (5,)),
        ("ValueError('é' * 3000)", "ValueError", ("é" * 3000,)),
    ],
)
def test_type_and_arguments(
    device: belay.Device, raised: str, kind: str, args: tuple[Any, ...]
) -> None:
    with pytest.raises(belay.PyboardException) as caught:
        device(f"raise {raised}")
    assert (caught.value.type, caught.value.value_args) == (kind, args)


def test_arguments_whose_text_raises(
    device: belay.Device, capsys: pytest.CaptureFixture[str]
) -> None:
    device("""
        class Odd:
            def __repr__(self): raise AttributeError("no text")
        class OddError(Exception):
            def __str__(self): raise KeyError("no text")
    """)
    with pytest.raises(belay.PyboardException[ValueError]) as caught:
        device("\nraise ValueError(1, Odd())")
    assert caught.value.value_args == (1, "<Odd>")
    assert caught.value.frames[-1].line == 2
    with pytest.raises(belay.PyboardException["OddError"]) as caught:
        device("raise OddError(2)")
    assert caught.value.value_args == (2,)
    assert capsys.readouterr().out == ""


def test_deep_recursion(device: belay.Device) -> None:
    with pytest.raises(belay.PyboardException) as caught:
        device("def deep(n):\n    return deep(n + 1)\ndeep(0)")
    assert caught.value.type == "RuntimeError"
    assert device("1 + 1") == 2


def test_it_survives_pickle(device: belay.Device) -> None:
    with pytest.raises(belay.PyboardException) as caught:
        device("1 / 0")
    again = pickle.loads(pickle.dumps(caught.value))
    assert again.args == caught.value.args
    assert (again.type, again.frames) == ("ZeroDivisionError", caught.value.frames)


@pytest.mark.parametrize(
    "leave",
    [
        "import sys; sys.exit()",
        "import machine; machine.soft_reset()",
        "import machine; machine.reset()",
    ],
)
def test_a_program_that_resets_its_board(device: belay.Device, leave: str) -> None:
    device("kept = 1")
    with pytest.raises(belay.BoardResetError, match="define your functions again") as caught:
        device(leave)
    assert caught.value.ran is True
    with pytest.raises(belay.PyboardException, match="NameError"):
        device("kept")
    task = device.task(decorated.same)
    assert task(3) == 3


@pytest.mark.parametrize(
    ("source", "advice"),
    [
        ("match 1:\n    case 1:\n        pass", "match"),
        ("x = [*[1], 2]", "\\*"),
        ("{**{}, 'a': 1}", "\\*\\*"),
    ],
)
@pytest.mark.parametrize("cell", [False, True])
def test_what_the_boards_compiler_lacks_is_explained(
    device: belay.Device, source: str, advice: str, cell: bool
) -> None:
    with pytest.raises(belay.PyboardException[SyntaxError]) as caught:
        device.run_cell(source) if cell else device(source)
    text = str(caught.value)
    assert re.search(f"(?s)SyntaxError: [^\n]*\n  line 1.*{advice}", text), text


def test_a_syntax_error_that_is_one_anywhere_is_left_as_it_is(device: belay.Device) -> None:
    with pytest.raises(belay.PyboardException[SyntaxError]) as caught:
        device("x = = 1")
    assert str(caught.value).rstrip().endswith("SyntaxError: invalid syntax")


def test_files_of_a_board_that_are_files_of_this_computer(
    connect: Callable[..., belay.Device], tmp_path: Path
) -> None:
    (tmp_path / "lib").mkdir()
    module = tmp_path / "lib" / "arm.py"
    module.write_text("def lift(load):\n    return 1 / load\n")
    (tmp_path / "robot.py").write_text("import arm\n\ndef work():\n    arm.lift(0)\n")
    device = connect(f"virtual:?files={tmp_path}")
    with pytest.raises(belay.PyboardException[ZeroDivisionError]) as caught:
        device("import robot\nrobot.work()")
    assert [(frame.filename, frame.line, frame.source) for frame in caught.value.frames[1:]] == [
        (str(tmp_path / "robot.py"), 4, "arm.lift(0)"),
        (str(module), 2, "return 1 / load"),
    ]
