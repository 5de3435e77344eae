# SPDX-License-Identifier: Apache-2.0
"""``@device.task``: what reaches the board, and what stays on the host."""

from __future__ import annotations

import functools
import inspect
import linecache
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import belay
from tests.device import decorated

Task = Callable[..., Any]


@pytest.fixture
def cell() -> Iterator[Callable[[str, dict[str, Any]], None]]:
    """Runs source as an interpreter does that keeps its input in linecache."""
    names: list[str] = []

    def run(source: str, namespace: dict[str, Any]) -> None:
        name = f"<cell {len(names)}>"
        names.append(name)
        linecache.cache[name] = (len(source), None, source.splitlines(True), name)
        exec(compile(source, name, "exec"), namespace)

    yield run
    for name in names:
        linecache.cache.pop(name)


def test_arguments_are_the_boards_to_bind(device: belay.Device) -> None:
    @device.task
    def bind(a, b=2, *rest, c=3, **more):
        return a, b, rest, c, more

    assert bind(1) == (1, 2, (), 3, {})
    assert bind(1, 5, 6, 7, c=8, d=[9]) == (1, 5, (6, 7), 8, {"d": [9]})
    assert bind(b=1, a=0) == (0, 1, (), 3, {})
    with pytest.raises(belay.PyboardException, match="TypeError"):
        bind()


def test_bare_or_with_options(device: belay.Device) -> None:
    same = decorated.same
    for task in (device.task(same), device.task()(same), device.task(timeout=20)(same)):
        assert task("x") == "x"


def test_the_host_keeps_name_docstring_and_signature(device: belay.Device) -> None:
    task = device.task(decorated.divide)
    assert task.__name__ == "divide"
    assert task.__doc__ == "Divide on the board."
    assert task.__module__ == decorated.__name__
    assert str(inspect.signature(task)) == "(a, b)"
    assert task.__wrapped__ is decorated.divide


def test_tasks_call_tasks_on_the_board(device: belay.Device) -> None:
    @device.task
    def inner(x):
        return x + 1

    @device.task
    def outer(x):
        return inner(inner(x))

    assert outer(5) == 7
    assert device("outer(inner(0))") == 3


def test_a_task_that_is_defined_again(device: belay.Device) -> None:
    def version() -> Task:
        @device.task
        def answer():
            return "first"

        return answer

    first = version()
    assert first() == "first"

    @device.task
    def answer():
        return "second"

    assert answer() == "second"
    # One name on the board, one function, as in Belay: the older host function calls it too.
    assert first() == "second"
    device("def answer(): return 'third'")
    assert answer() == "third"
    device("del answer")
    with pytest.raises(belay.PyboardException, match="NameError.*answer"):
        answer()
    assert version()() == "first"


def test_annotations_and_defaults(device: belay.Device) -> None:
    @device.task
    def typed(a: int, b: Callable[[int], Any] | None = None) -> dict[str, Path]:
        c: Unknown = a  # noqa: F821, F841 - neither Python nor the board evaluates this
        return [a, b]  # type: ignore[return-value]

    assert typed(1) == [1, None]


def test_other_decorators_stay_on_the_host(device: belay.Device) -> None:
    counted = []

    def count(function: Task) -> Task:
        @functools.wraps(function)
        def wrapper(*args: Any) -> Any:
            counted.append(args)
            return function(*args)

        return wrapper

    @count
    @device.task
    @functools.lru_cache(  # below ours, and taken off like it
        maxsize=3,
    )
    # a comment
    @(
        lambda function: function  # a line of its own
    )
    def twice(x):
        return 2 * x

    assert [twice(2), twice(2)] == [4, 4]
    assert counted == [(2,), (2,)]


def test_methods_of_strings_and_odd_layout(device: belay.Device) -> None:
    @device.task
    def layout(
        a,
        b=(
            1,
            2,
        ),
    ):
        """Docstring, and
        more of it.
        """
        text = """a
  b"""
        # a comment
        return (text,
            a, b)  # fmt: skip

    @device.task
    def one_line(x): return -x  # fmt: skip

    assert layout(0) == ("a\n  b", 0, (1, 2))
    assert one_line(3) == -3


def test_from_a_cell(device: belay.Device, cell: Callable[[str, dict[str, Any]], None]) -> None:
    names: dict[str, Any] = {"device": device}
    cell("@device.task\ndef in_cell(x):\n    return 10 // x\n", names)
    assert names["in_cell"](3) == 3
    with pytest.raises(belay.PyboardException) as caught:
        names["in_cell"](0)
    assert 'File "<cell 0>", line 3, in in_cell\n    return 10 // x' in str(caught.value)
    cell("@device.task\ndef in_cell(x):\n    return -x\n", names)
    assert names["in_cell"](3) == -3


def test_what_the_boards_compiler_refuses(
    device: belay.Device, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A board that is newer than the rules of the linter may know more, so it is asked.
    monkeypatch.setattr(device.implementation, "version", (99, 0, 0))
    with pytest.raises(belay.PyboardException) as caught:
        device.task(decorated.unfinished)
    error = caught.value
    line = decorated.unfinished.__code__.co_firstlineno + 1
    assert error.type == "SyntaxError"
    assert error.frames[-1].filename == decorated.__file__
    assert (error.frames[-1].line, error.frames[-1].source) == (line, "match value:")
    assert f'File "{decorated.__file__}", line {line}' in str(error)


def test_native_code_on_a_board_without_an_emitter(
    device: belay.Device, cell: Callable[[str, dict[str, Any]], None]
) -> None:
    class micropython:  # noqa: N801 - what stands for the board's module on the host
        native = staticmethod(lambda function: function)

    assert device.implementation.emitters == ()
    names = {"device": device, "micropython": micropython}
    with pytest.raises(belay.PyboardException, match="invalid micropython decorator") as caught:
        cell("@device.task\n@micropython.native\ndef fast(x):\n    return x\n", names)
    assert caught.value.type == "SyntaxError"
    assert (caught.value.frames[-1].line, caught.value.frames[-1].source) == (
        2,
        "@micropython.native",
    )


def test_names_that_belay_keeps(device: belay.Device) -> None:
    def __belay_next():
        pass

    with pytest.raises(belay.SpecialFunctionNameError, match="rename"):
        device.task(__belay_next)
