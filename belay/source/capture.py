# SPDX-License-Identifier: Apache-2.0
"""The source of a function, as the board is to see it."""

from __future__ import annotations

import ast
import contextlib
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from belay.errors import SourceError, SpecialFunctionNameError

__all__ = ["Captured", "capture"]

_RESERVED = ("_belay", "__belay", "__b")


@dataclass(frozen=True)
class Captured:
    """A function's source, ready to be sent.

    Attributes:
        name: the function's name.
        text: its source, dedented, host decorators blanked; line *n* of it is line
            ``first_line + n - 1`` of the file.
        filename: where it came from: a path, or the name IPython gave a cell.
        first_line: line of the file at which ``text`` begins.
    """

    name: str
    text: str
    filename: str
    first_line: int


def _nothing_there(name: str, value: object) -> bool:
    return False


def capture(
    function: Callable[..., Any], is_on_board: Callable[[str, object], bool] = _nothing_there
) -> Captured:
    """Find the source of a function and make it fit for a board.

    Decorators are taken off, for they belong to the host; those of the ``micropython`` module
    (``@micropython.native``) stay, for they are the board compiler's. Line numbers are kept.

    Args:
        function: what to send.
        is_on_board: tells of a variable of an enclosing host function, by name and value, whether
            the board has it under that name: another task, for example.

    Raises:
        SourceError: there is no source, or it uses variables of an enclosing host function.
        SpecialFunctionNameError: the name is one that belay keeps for itself.
    """
    function = inspect.unwrap(function)  # a wrapper is what a decorator has left
    if not inspect.isfunction(function):
        raise SourceError(f"{function!r} is not a Python function, so it has no source to send")
    name = function.__code__.co_name
    if name == "<lambda>":
        raise SourceError("a lambda has no name to call it by on the board; write a def instead")
    if name.startswith(_RESERVED):
        raise SpecialFunctionNameError(
            f"{name!r}: names that begin with {', '.join(_RESERVED)} belong to belay; rename it"
        )
    free = [name for name, value in _closure(function) if not is_on_board(name, value)]
    if free:
        raise SourceError(
            f"{_place(function)}: {name}() uses {', '.join(free)} from the function around it, "
            "which does not exist on the board. Pass it as an argument, or define it on the board."
        )
    try:
        lines, first_line = inspect.getsourcelines(function)
    except (OSError, TypeError):
        raise _not_found(function) from None
    return Captured(name, _trim(lines, function), _filename(function), first_line)


def _closure(function: Callable[..., Any]) -> Iterator[tuple[str, object]]:
    """What it takes from the function around it: names and values."""
    for name, cell in zip(function.__code__.co_freevars, function.__closure__ or (), strict=True):
        # What has no value yet is this function itself, or one that follows and will be there.
        with contextlib.suppress(ValueError):
            yield name, cell.cell_contents


def _filename(function: Callable[..., Any]) -> str:
    filename: str = function.__code__.co_filename
    return filename


def _place(function: Callable[..., Any]) -> str:
    line: int = function.__code__.co_firstlineno
    return f"{_filename(function)}:{line}"


def _not_found(function: Callable[..., Any], how: str = "") -> SourceError:
    return SourceError(
        f"{_place(function)}: the source of {function.__code__.co_name}() cannot be found{how}. It "
        "must come from a file, a notebook cell, IPython, or Python's own prompt from version 3.13 "
        'on; for text of your own use device("""def ...""").'
    )


def _trim(lines: list[str], function: Callable[..., Any]) -> str:
    """Take away the indentation, and blank the lines of host decorators."""
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    try:
        # Parsed where it stands, so that what is inside strings need not be moved for it.
        node = ast.parse("".join(["if 1:\n" * bool(indent), *lines])).body[0]
    except (SyntaxError, IndexError):
        node = None
    if indent and isinstance(node, ast.If):
        node = node.body[0]
    if (
        not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        # The file was edited since it was loaded, or it is the "<string>" of somebody else.
        or node.name != function.__code__.co_name
    ):
        raise _not_found(function, " there as a def statement on lines of its own")
    ast.increment_lineno(node, -bool(indent))
    inside = _lines_inside_strings(node)
    lines = [
        line if number in inside else line.removeprefix(indent)
        for number, line in enumerate(lines[: node.end_lineno], 1)
    ]
    stay = {
        line
        for decorator in node.decorator_list
        if ast.unparse(decorator).startswith("micropython.")
        for line in range(decorator.lineno, (decorator.end_lineno or decorator.lineno) + 1)
    }
    # All the rest in front of the def: a decorator's own lines do not count its parentheses.
    for number in range(1, node.lineno):
        if number not in stay:
            lines[number - 1] = "\n"
    return "".join(lines)


def _lines_inside_strings(node: ast.AST) -> set[int]:
    """Lines that begin inside a string: their white space is part of it."""
    return {
        line
        for part in ast.walk(node)
        if isinstance(part, (ast.Constant, ast.JoinedStr))
        for line in range(part.lineno + 1, (part.end_lineno or part.lineno) + 1)
    }
