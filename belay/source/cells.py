# SPDX-License-Identifier: Apache-2.0
"""Statements whose last expression is a result, as in a notebook cell."""

from __future__ import annotations

import ast
import io
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "RESULT",
    "UNREADABLE",
    "binds_names",
    "imported_names",
    "is_expression",
    "leaves_code",
    "parsed",
    "quietly",
    "with_result",
]

RESULT = "_belay_value"
"""The global that the last expression is assigned to; the agent takes it away again."""

UNREADABLE = (SyntaxError, ValueError, RecursionError, MemoryError)
"""What CPython's compiler raises: for NUL a ValueError, for deep nesting one of the last two."""

_quiet = threading.RLock()


@contextmanager
def quietly() -> Iterator[None]:
    """Warnings about the source are the board's to give, and must not make it unreadable here."""
    # The filters are the whole process's: two threads at once would leave them switched off.
    with _quiet, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def parsed(source: str) -> ast.Module:
    """The syntax tree of ``source``; raises one of :data:`UNREADABLE`."""
    with quietly():
        return ast.parse(source)


def is_expression(source: str) -> bool:
    """Whether ``source`` is one expression, which has a value."""
    source = source.replace("\0", "\1")  # in a string it is nothing bad for a board
    try:
        with quietly():
            compile(source, "<device>", "eval", dont_inherit=True)
    except RecursionError:
        return True  # too deep for the compiler of this computer, but the parser knew it
    except UNREADABLE:
        return False
    return True


def binds_names(source: str) -> bool:
    """Whether ``source`` holds statements: they can leave names behind, expressions cannot.

    Statements make a board what it is and are run again when it has lost its memory; expressions,
    also several of them, ask it something, or let it do something once. True also for what only
    the board's compiler can judge.
    """
    try:
        return not all(isinstance(node, ast.Expr) for node in parsed(source.strip()).body)
    except UNREADABLE:
        return True


def imported_names(source: str) -> tuple[str, ...] | None:
    """The names that an import statement binds, in order.

    Args:
        source: any source.

    Returns:
        The names; of ``import a.b`` it is ``a``. None when the source is something else than one
        import statement.

    Raises:
        ValueError: for ``from module import *``, which does not say what it binds.
    """
    try:
        body = parsed(source).body
    except UNREADABLE:
        return None
    if len(body) != 1 or not isinstance(body[0], (ast.Import, ast.ImportFrom)):
        return None
    statement = body[0]
    if any(alias.name == "*" for alias in statement.names):
        raise ValueError(
            f"{source.strip()!r} does not say which names it binds: import the module, or name "
            "what you want from it"
        )
    return tuple(alias.asname or alias.name.partition(".")[0] for alias in statement.names)


_KEEPERS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.GeneratorExp)


def leaves_code(source: str) -> bool:
    """Whether running ``source`` may leave code on the board that runs later.

    True also for what only the board's compiler can judge.
    """
    try:
        tree = parsed(source)
    except UNREADABLE:
        return True
    return any(isinstance(node, _KEEPERS) for node in ast.walk(tree))


def with_result(source: str) -> tuple[str, bool]:
    """Assign the last expression of ``source`` to :data:`RESULT`.

    A trailing semicolon asks for no result, as in IPython. Lines stay where they are.

    Returns:
        The new source, and whether there is a result. Source that only the board's compiler
        can judge (CPython does not parse it) comes back as it is.
    """
    try:
        body = parsed(source).body
    except UNREADABLE:
        return source, False
    if not body or not isinstance(body[-1], ast.Expr):
        return source, False
    # Not splitlines(): to the compiler a form feed or U+2028 in a string ends no line.
    lines = list(io.StringIO(source, newline=""))
    # Columns count UTF-8 bytes (docs.python.org, ast.AST.col_offset).
    first, last = body[-1].lineno - 1, (body[-1].end_lineno or body[-1].lineno) - 1
    end = body[-1].end_col_offset or 0
    tail = lines[last].encode()
    if tail[end:].lstrip().startswith(b";"):
        return source, False
    lines[last] = (tail[:end] + b")" + tail[end:]).decode()
    head = lines[first].encode()
    start = body[-1].col_offset
    lines[first] = (head[:start] + f"{RESULT}=(".encode() + head[start:]).decode()
    return "".join(lines), True
