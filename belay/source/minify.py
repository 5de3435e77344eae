# SPDX-License-Identifier: Apache-2.0
"""Fewer bytes for the board to receive and compile; same meaning, same line numbers."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from belay.source.cells import UNREADABLE, parsed
from belay.source.tokens import WORD, Places, next_token

__all__ = ["minify"]

_NUMBER = re.compile(rf"(?:\A|\.)[0-9](?:\.|{WORD})*\Z")  # also in what was `in .5`
_LAST_WORD = re.compile(rf"(?:\.|{WORD})*\Z")
_SEMICOLON = re.compile(r"(?:[ \t\f]|\\\n)*;")
_NOTHING_TO_DROP = re.compile(r"[^ \t\f\n\r#\\;]*\Z")


def minify(code: str) -> str:
    """Make MicroPython source smaller.

    Comments, docstrings and superfluous white space go; indentation becomes one space a level. A
    docstring that is all there is in a body becomes ``0``. Names, and the line of everything that
    stays, do not change, so tracebacks still fit. A string that is a module's only statement is
    its value and stays.

    Args:
        code: source of a module, with any line ends.

    Returns:
        The smaller source, with ``\\n`` as line end. Source that the host's Python cannot parse
        comes back as it is: only the board can judge it.
    """
    if _NOTHING_TO_DROP.match(code):
        return code
    try:
        tree = parsed(code)
    except UNREADABLE:
        return code
    if "\r" in code:  # also in strings: there, too, Python reads every line end as \n
        code = code.replace("\r\n", "\n").replace("\r", "\n")
    return _Writer(code).write(_docstrings(tree, code))


def _docstrings(tree: ast.Module, code: str) -> list[tuple[int, int, bool]]:
    """Where docstrings begin and end in ``code``, and whether something must take their place."""
    found = []
    for body in _bodies(tree):
        node = body[0]
        if _is_text(node) and not (body is tree.body and len(body) == 1):
            # What followed it would be the docstring if it was a text, too.
            found.append((node, len(body) == 1 or _is_text(body[1])))
    if not found:
        return []
    places = Places(code)
    return sorted((places.start(node), places.end(node), needed) for node, needed in found)


def _is_text(node: ast.stmt) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _bodies(tree: ast.Module) -> Iterator[list[ast.stmt]]:
    """The bodies whose first statement may be a docstring."""
    if tree.body:
        yield tree.body
    rest: list[ast.AST] = [tree]
    while rest:
        node = rest.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            yield node.body
        # Statements stand only in these; to look through all expressions takes five times longer.
        for field in ("body", "orelse", "handlers", "finalbody", "cases"):
            inside = getattr(node, field, None)
            if isinstance(inside, list):
                rest += inside


class _Writer:
    """One pass over source that CPython has parsed.

    Args:
        code: the source, with ``\\n`` as line end.
    """

    def __init__(self, code: str) -> None:
        self._code = code
        self._out: list[str] = []
        self._last = ""  # what was written last
        self._depth = 0  # of brackets
        self._lines = 0  # line ends read since then
        self._space = False  # white space read since then
        self._fresh = True  # nothing of this logical line has been written
        self._line_start = 0  # where it begins in the source
        self._columns = [0]  # of the blocks that are open
        self._level = -1  # of this line's block; -1: nothing of the line has been read

    def write(self, docstrings: list[tuple[int, int, bool]]) -> str:
        """The minified source, where these are its docstrings."""
        code, position = self._code, 0
        for start, end, needed in docstrings:
            self._copy(position, start)
            if self._level < 0:
                self._find_level(start)
            self._lines += code.count("\n", start, end)
            if needed:  # on the last of its lines: there ends the body
                self._put("0", end)
            elif semicolon := _SEMICOLON.match(code, end):
                self._lines += semicolon[0].count("\n")
                end = semicolon.end()
            position = end
        self._copy(position, len(code))
        self._out.append("\n" * self._lines)
        return "".join(self._out)

    def _copy(self, position: int, end: int) -> None:
        """Write what stands there."""
        code = self._code
        while position < end:
            start = position
            kind, position = next_token(code, position, end)
            if kind == "space":
                self._space = True
            elif kind == "line":
                self._lines += 1
                if position == start + 1 and not self._depth:
                    self._fresh, self._level, self._line_start = True, -1, position
            else:
                self._put(code[start:position], start)
                if kind == "open":
                    self._depth += 1
                elif kind == "close":
                    self._depth -= 1

    def _put(self, text: str, start: int) -> None:
        """Write something, and before it what is needed of the white space there."""
        if self._fresh:
            if self._level < 0:
                self._find_level(start)
            self._out.append("\n" * self._lines + " " * self._level)
            self._fresh = False
        elif self._lines:
            self._out.append(("\n" if self._depth else "\\\n") * self._lines)
        elif self._space and _belong_apart(self._last, text):
            self._out.append(" ")
        self._lines, self._space, self._last = 0, False, text
        self._out.append(text)

    def _find_level(self, start: int) -> None:
        """How deep the block is whose line has its first token at ``start``."""
        # White space behind a backslash is no indentation. A tab may count as one column: Python
        # refuses blocks whose order depends on how many it counts.
        white = self._code[self._line_start : start].partition("\\")[0].rpartition("\f")[2]
        column = len(white)
        columns = self._columns
        while columns[-1] > column:
            columns.pop()
        if columns[-1] < column:
            columns.append(column)
        self._level = len(columns) - 1


def _belong_apart(before: str, behind: str) -> bool:
    """Whether white space between two pieces of a line means something."""
    last, first = before[-1], behind[0]
    if first in "'\"":
        return last in "'\""  # '' 'a' is not '''a'
    if _is_word(first):
        return _is_word(last) or (last == "." and _ends_in_number(before))
    if first == ".":
        # 1 .real; and MicroPython may take what two dots and one are together for another token.
        return last == "." or (_is_word(last) and _ends_in_number(before))
    return False  # no two operators that may follow each other are one operator together


def _is_word(character: str) -> bool:
    return character.isalnum() or character == "_" or character > "\x7f"


def _ends_in_number(text: str) -> bool:
    word = _LAST_WORD.search(text)
    return word is not None and _NUMBER.search(word[0]) is not None
