# SPDX-License-Identifier: Apache-2.0
"""The source of a function, as the board is to see it."""

from __future__ import annotations

import ast
import contextlib
import inspect
import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from belay.errors import SourceError, SpecialFunctionNameError
from belay.source.cells import parsed, quietly
from belay.source.hostnames import host_names, names_that_run
from belay.source.tokens import Places, next_token

__all__ = ["BodyError", "Captured", "CapturedBody", "capture", "capture_body"]

_RESERVED = ("_belay", "__belay", "__b")

IsOnBoard = Callable[[str, object], bool]


class BodyError(SourceError, ValueError):
    """A function whose body cannot run in the board's global scope."""


@dataclass(frozen=True)
class Captured:
    """A function's source, ready to be sent.

    Attributes:
        name: the function's name.
        text: its source, dedented, host decorators blanked; line *n* of it is line
            ``first_line + n - 1`` of the file.
        filename: where it came from: a path, or the name IPython gave a cell.
        first_line: line of the file at which ``text`` begins.
        host_names: names that it loads when it runs on the board, defaults included, and that the
            host program has as globals: the board may or may not have them, too. In the order of
            their first use.
    """

    name: str
    text: str
    filename: str
    first_line: int
    host_names: tuple[str, ...] = ()


@dataclass(frozen=True)
class CapturedBody(Captured):
    """What a function does, as statements of a module; see :class:`Captured`."""


class _Definition(NamedTuple):
    """A function and where it is defined; positions of the node are those in the lines."""

    function: Callable[..., Any]
    lines: list[str]
    first_line: int
    indent: str
    node: ast.FunctionDef | ast.AsyncFunctionDef


def _nothing_there(name: str, value: object) -> bool:
    return False


def capture(function: Callable[..., Any], is_on_board: IsOnBoard = _nothing_there) -> Captured:
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
    found = _find(function, is_on_board)
    return Captured(*_source(found), host_names(found.function, found.node, is_on_board))


def capture_body(
    function: Callable[..., Any], is_on_board: IsOnBoard = _nothing_there
) -> CapturedBody:
    """Find what a function does, as statements to be run in the board's ``__main__``.

    Its parameters are for the caller to define there first.

    Args:
        function: what to send.
        is_on_board: as for :func:`capture`.

    Raises:
        BodyError: the body cannot run outside of a function: it returns, yields or awaits.
        SourceError: there is no source, or it uses variables of an enclosing host function.
        SpecialFunctionNameError: the name is one that belay keeps for itself.
    """
    found = _find(function, is_on_board)
    name, text, filename, first_line = _source(found)
    node = found.node
    reason = "an async function must be awaited" if isinstance(node, ast.AsyncFunctionDef) else ""
    line = node.lineno
    for part in _own_parts(node):
        if not reason and isinstance(part, ast.Return):
            reason, line = "there is nothing to return from", part.lineno
        elif not reason and isinstance(part, (ast.Yield, ast.YieldFrom)):
            reason, line = "there is nothing to yield from", part.lineno
    if reason:
        raise BodyError(
            f"{filename}:{found.first_line + line - 1}: the body of {name}() runs in the board's "
            f"global scope, where {reason}. Take that out of it, or make {name}() a task."
        )
    text, skipped = _body(text)
    first_line += skipped
    try:
        with quietly():
            compile(text, filename, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise BodyError(
            f"{filename}:{first_line + (error.lineno or 1) - 1}: the body of {name}() runs in the "
            f"board's global scope, where this is not possible: {error.msg}. Variables of {name}() "
            "are globals there: use global, not nonlocal."
        ) from None
    names = host_names(found.function, node, is_on_board)
    return CapturedBody(name, text, filename, first_line, names)


def _find(function: Callable[..., Any], is_on_board: IsOnBoard) -> _Definition:
    """Find the definition of a function that can be sent."""
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
    free = {n: value for n, value in _closure(function) if not is_on_board(n, value)}
    try:
        lines, first_line = inspect.getsourcelines(function)
    except (OSError, TypeError, SyntaxError):
        found = None
    else:
        found = _parse(function, lines, first_line)
        runs = names_that_run(found.node) if free else set()
        free = {n: value for n, value in free.items() if n in runs}
    if free:
        wraps = any(map(inspect.isfunction, free.values()))
        raise SourceError(
            f"{_place(function)}: {name}() uses {', '.join(free)} from the function around it, "
            "which does not exist on the board. Pass it as an argument, or define it on the board."
            + f" If {name}() is what a decorator made, that lacks functools.wraps."
            * wraps
        )
    if found is None:
        raise _not_found(function)
    return found


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


def _parse(function: Callable[..., Any], lines: list[str], first_line: int) -> _Definition:
    """The definition that stands in the lines."""
    indent = lines[0][: len(lines[0]) - len(lines[0].lstrip())]
    try:
        # Parsed where it stands, so that what is inside strings need not be moved for it.
        node = parsed("".join(["if 1:\n" * bool(indent), *lines])).body[0]
    except (SyntaxError, IndexError):
        node = None
    if indent and isinstance(node, ast.If):
        node = node.body[0]
    if not isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) or not _is_of(node, function):
        raise _not_found(function, " there as a def statement on lines of its own")
    ast.increment_lineno(node, -bool(indent))
    return _Definition(function, lines, first_line, indent, node)


def _is_of(node: ast.FunctionDef | ast.AsyncFunctionDef, function: Callable[..., Any]) -> bool:
    """Whether a function can come of a definition.

    It does not where the file was edited since it was loaded, or is the "<string>" of somebody
    else.
    """
    code = function.__code__
    parameters = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    names = code.co_varnames[: code.co_argcount + code.co_kwonlyargcount]
    return node.name == code.co_name and all(
        parameter.arg == name or parameter.arg.startswith("__")  # which a class makes private
        for parameter, name in itertools.zip_longest(parameters, names, fillvalue=ast.arg(""))
    )


def _source(found: _Definition) -> tuple[str, str, str, int]:
    """Name, text, file name and first line of a definition."""
    function = found.function
    text = _trim(found.lines, found.node, found.indent)
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    return function.__code__.co_name, text, _filename(function), found.first_line


def _trim(lines: list[str], node: ast.FunctionDef | ast.AsyncFunctionDef, indent: str) -> str:
    """Take away the indentation, and blank the lines of host decorators."""
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


# ---------------------------------------------------------------------------------------- the body


def _own_parts(node: ast.AST) -> Iterator[ast.AST]:
    """All that runs in a function itself, not in the functions that it defines."""
    rest: list[ast.AST] = list(node.body) if isinstance(node, ast.FunctionDef) else []
    while rest:
        part = rest.pop()
        yield part
        if isinstance(part, (ast.FunctionDef, ast.AsyncFunctionDef)):
            rest += [*part.decorator_list, part.args]
        elif isinstance(part, ast.Lambda):
            rest.append(part.args)
        else:
            rest += ast.iter_child_nodes(part)


def _body(text: str) -> tuple[str, int]:
    """The body of the function that ``text`` defines, and how many lines stand before it."""
    (node,) = (part for part in parsed(text).body if isinstance(part, ast.FunctionDef))
    places = Places(text)
    # The first logical line is the head, and the whole where the body stands behind it.
    position, depth = places.start(node), 0
    while True:
        kind, end = next_token(text, position, len(text))
        depth += (kind == "open") - (kind == "close")
        if end == len(text) or (kind == "line" and text[position] == "\n" and not depth):
            break
        position = end
    start = places.start(node.body[0])
    if start < end:
        return text[start:], node.body[0].lineno - 1
    lines = text[end:].split("\n")
    before = text.count("\n", 0, end)
    first = next(index for index, line in enumerate(lines) if _is_code(line))
    indent = lines[first][: len(lines[first]) - len(lines[first].lstrip())]
    inside = _lines_inside_strings(node)
    return "\n".join(
        line if number in inside else line.removeprefix(indent)
        for number, line in enumerate(lines[first:], before + first + 1)
    ), before + first


def _is_code(line: str) -> bool:
    line = line.strip()
    return line != "" and not line.startswith("#")
