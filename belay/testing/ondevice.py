# SPDX-License-Identifier: Apache-2.0
"""Tests whose body runs on the board, and failures of the board as failures of the host's file."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from types import CodeType
from typing import TYPE_CHECKING, Any, NoReturn

from belay import errors
from belay.session.onboard import load
from belay.source.capture import Captured
from belay.source.linemap import BoardFrame
from belay.source.minify import minify
from belay.tasks import TaskExecuter
from belay.testing.rewriting import SEEN, AssertStatement, Rewritten, rewrite_asserts

if TYPE_CHECKING:
    import pytest

    from belay.device import Device

__all__ = ["OnDeviceError", "fail_as_host", "run_on_device"]

_SHOWN = 240
"""Most characters of a value's ``repr`` that travel."""

_WHOLE = 20_000
"""Values whose ``repr`` is shorter are fetched, so that pytest can say how they differ."""


class OnDeviceError(Exception):
    """An exception that a test's body has raised on the board.

    Attributes:
        original: the exception as a Device raises it, with the board's whole traceback.
    """

    original: errors.PyboardException


def run_on_device(device: Device, item: pytest.Function, arguments: dict[str, Any]) -> None:
    """Run the body of a test on the board.

    Args:
        device: the board.
        item: the test.
        arguments: values of its parameters.

    Raises:
        AssertionError: an assert statement of it failed; the traceback ends in its line.
        OnDeviceError: the board raised something else.
    """
    function = item.function
    executer = _TestExecuter(device)
    code = function.__code__
    begins = {(code.co_filename, code.co_name): code.co_firstlineno}
    try:
        call = executer(function)
        if item.cls is not None and not _is_static(item):
            arguments = {**arguments, next(iter(inspect.signature(function).parameters)): None}
        call(**arguments)
    except errors.PyboardException as error:
        failure = executer.failure(error)
        if failure is None:
            fail_as_host(_other(error), error.frames, begins)
        failed = _assertion(device, item, *failure, error)
        # Boards name the last line of a statement that has several.
        line = failure[0].first + executer.first_line - 1
        last = dataclasses.replace(error.frames[-1], line=line)
        fail_as_host(failed, [*error.frames[:-1], last], begins)
    except errors.BelayException as error:  # it could not begin, or did not end in time
        place = BoardFrame(code.co_filename, code.co_firstlineno, code.co_name)
        frames = getattr(error.__cause__, "frames", ()) or (place,)
        fail_as_host(_argument(error), frames, begins)


def fail_as_host(
    error: Exception, frames: Sequence[BoardFrame], begins: Mapping[tuple[str, str], int]
) -> NoReturn:
    """Raise an exception with a traceback that leads through the files of this computer.

    pytest shows such a failure as it shows those of its own tests.

    Args:
        error: what to raise.
        frames: of the board, outermost first. Those in files that only the board has are left out.
        begins: the lines at which functions begin, by file and name: they are shown from there.
    """
    __tracebackhide__ = True
    names: dict[str, Any] = {"__belay_error__": error}
    error.__suppress_context__ = True  # the board's exception, whose traceback this is
    code: CodeType | None = None
    for frame in reversed([frame for frame in frames if os.path.isabs(frame.filename)]):
        first = min(frame.line, begins.get((frame.filename, frame.name), frame.line))
        code = _as_if(frame, first, names, code)
    if code is not None:
        exec(code, names)
    raise error


def _as_if(
    frame: BoardFrame, begins: int, names: dict[str, Any], inner: CodeType | None
) -> CodeType:
    """Code that seems to stand at the line of a frame, and runs what is inside of it."""
    key = f"__belay_{len(names)}__"
    names[key] = inner
    tree = ast.parse("raise __belay_error__" if inner is None else f"exec({key})")
    for node in ast.walk(tree):
        if isinstance(node, (ast.stmt, ast.expr)):
            # Without columns, which would be those of another text.
            node.lineno = node.end_lineno = frame.line - begins + 1
            node.col_offset = node.end_col_offset = -1
    code = compile(tree, frame.filename, "exec")
    # The first line of this code is that of the function: pytest shows all from there on.
    return code.replace(co_firstlineno=code.co_firstlineno + begins - 1, co_name=frame.name)


class _TestExecuter(TaskExecuter):
    """A task whose assert statements tell what they have seen."""

    def __init__(self, device: Device) -> None:
        super().__init__(device)
        self._rewritten: Rewritten | None = None
        self._captured_as: Captured | None = None

    def _text(self, captured: Captured, options: Any) -> str:
        super()._text(captured, options)  # refuses what boards cannot compile
        self._rewritten = rewrite_asserts(captured.text)
        self._captured_as = captured
        if self._rewritten.asserts:
            helper = Captured(SEEN, _helper(), "<belay>", 1)
            self._device._define_all([(helper, None)])
        return minify(self._rewritten.text)

    def _is_on_board(self, name: str, value: object) -> bool:
        return name == SEEN or super()._is_on_board(name, value)

    @property
    def first_line(self) -> int:
        """The line of the file at which the test begins."""
        return self._captured_as.first_line if self._captured_as is not None else 1

    def failure(
        self, error: errors.PyboardException
    ) -> tuple[AssertStatement, dict[int, str]] | None:
        """The statement in which an AssertionError came up, and what it has seen."""
        rewritten, captured = self._rewritten, self._captured_as
        if error.type != "AssertionError" or rewritten is None or captured is None:
            return None
        if not rewritten.asserts or not error.frames:
            return None
        last = error.frames[-1]
        answer = self._device(f"{SEEN}(3,{_SHOWN})", stream_out=None)
        if not answer or last.filename != captured.filename:
            return None
        statement = rewritten.asserts[answer[0]]
        line = last.line - captured.first_line + 1
        return (statement, dict(answer[1])) if statement.first <= line <= statement.last else None


@cache
def _helper() -> str:
    return load("asserting")


def _argument(error: errors.BelayException) -> errors.BelayException:
    """Where an argument cannot travel: that it had to, since the body runs on the board."""
    found = re.match(r"keywords\['(\w+)'\](.*?): (.*)", str(error), re.DOTALL)
    if found is None or not isinstance(error, errors.UnsupportedValueError):
        return error
    return type(error)(
        f"the body of this test runs on the board, and {found[1]}{found[2]} would have to go "
        f"there: {found[3]}"
    )


def _is_static(item: pytest.Function) -> bool:
    return isinstance(inspect.getattr_static(item.cls, item.function.__name__, None), staticmethod)


def _other(error: errors.PyboardException) -> OnDeviceError:
    """An exception of the board in one line; the traceback shows where it came from."""
    message = str(error.args[0]).strip().splitlines()
    failure = OnDeviceError(message[-1] if message else error.type)
    failure.original = error
    return failure


def _assertion(
    device: Device,
    item: pytest.Function,
    statement: AssertStatement,
    seen: dict[int, str],
    error: errors.PyboardException,
) -> AssertionError:
    """What pytest would say of the statement."""
    lines = _explained(device, item.config, statement, seen) or [_shown(statement, seen)]
    text = f"assert {lines[0]}" + "".join(f"\n  {line}" for line in lines[1:])
    told = error.value_args[0] if error.value_args else None
    text = text if told is None else f"{told}\n{text}"
    text += "".join(f"\n +  where {source} = {value}" for source, value in _where(statement, seen))
    failure = AssertionError(text)
    failure.original = error  # type: ignore[attr-defined]
    return failure


def _explained(
    device: Device, config: pytest.Config, statement: AssertStatement, seen: dict[int, str]
) -> list[str]:
    """How the two sides of a comparison differ, in pytest's words; empty where it has none."""
    sides = statement.sides
    if not statement.operator or not all(side in seen for side in sides):
        return []
    if any(len(seen[side]) >= _SHOWN for side in sides) and not _fetchable(device, sides):
        return []
    try:
        left, right = (device(f"{SEEN}(4,{side})", stream_out=None) for side in sides)
    except errors.BelayException:  # it cannot travel
        return []
    found = config.hook.pytest_assertrepr_compare(
        config=config, op=statement.operator, left=left, right=right
    )
    return next((list(map(str, lines)) for lines in found if lines), [])


def _fetchable(device: Device, sides: tuple[int, int]) -> bool:
    length = "+".join(f"len(repr({SEEN}(4,{side})))" for side in sides)
    try:
        return bool(device(length, stream_out=None) < _WHOLE)
    except errors.BelayException:  # no memory for it
        return False


def _shown(statement: AssertStatement, seen: dict[int, str]) -> str:
    """The condition, with the values of its operands in their place."""
    text = statement.condition
    operands = [
        (probe, seen[n]) for n, probe in statement.probes.items() if probe.operand and n in seen
    ]
    for probe, value in sorted(operands, key=lambda found: -found[0].start):
        text = text[: probe.start] + value + text[probe.end :]
    return re.sub(r"\s*\n\s*", " ", text)


def _where(statement: AssertStatement, seen: dict[int, str]) -> list[tuple[str, str]]:
    """Sources and values of all that is no constant, in the order in which they stand."""
    found = {
        re.sub(r"\s*\n\s*", " ", probe.source): seen[number]
        for number, probe in sorted(statement.probes.items(), key=lambda item: item[1].start)
        if number in seen
    }
    return [(source, value) for source, value in found.items() if source != value]
