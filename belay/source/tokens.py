# SPDX-License-Identifier: Apache-2.0
"""The tokens of source that CPython has parsed, as far as those who read it here need them."""

from __future__ import annotations

import ast
import bisect
import re
import sys

__all__ = ["WORD", "Places", "end_of_string", "next_token", "prefix_of", "quote_of"]

# What CPython has compiled holds, outside of strings and comments, no white space but these, and
# every other character beyond ASCII is part of a name.
WORD = r"[A-Za-z0-9_\x80-\U0010ffff]"
_TOKEN = re.compile(
    r"""
      (?P<code>[^ \t\f\n'"\#\\()\[\]{}]+)
    | (?P<space>[ \t\f]+ | \#[^\n]*)
    | (?P<line>\\?\n)
    | (?P<open>[(\[{])
    | (?P<close>[)\]}])
    | (?P<string>
          \"\"\" [^"\\]* (?: (?: \\. | "(?!"") ) [^"\\]* )* \"\"\"
        | \'\'\' [^'\\]* (?: (?: \\. | '(?!'') ) [^'\\]* )* \'\'\'
        | " [^"\\]* (?: \\. [^"\\]* )* "
        | ' [^'\\]* (?: \\. [^'\\]* )* '
      )
    """,
    re.VERBOSE | re.DOTALL,
)
_NESTED_STRINGS = sys.version_info >= (3, 12)
"""From here on what stands in the braces of an f-string is code like any other (PEP 701)."""
_PREFIX = re.compile(rf"(?<!{WORD})[bBfFrRtTuU]{{1,2}}\Z")


def next_token(code: str, position: int, end: int) -> tuple[str, int]:
    """What stands at ``position``.

    Args:
        code: source that CPython has parsed, with ``\\n`` as line end.
        position: where a token begins.
        end: where the last one ends.

    Returns:
        Its kind and where it ends. Kinds: ``code`` (names, numbers and operators that stand
        together), ``string`` (without its prefix, which is ``code``), ``open`` and ``close`` (a
        bracket), ``space`` (or a comment), ``line`` (its end, perhaps with a backslash).
    """
    token = _TOKEN.match(code, position, end)
    assert token is not None, "this is no source that CPython has parsed"
    kind = token.lastgroup or ""
    if kind == "string" and _NESTED_STRINGS:
        return kind, end_of_string(code, position)
    return kind, token.end()


def prefix_of(code: str, start: int) -> str:
    """The prefix of the string whose first quote stands at ``start``."""
    prefix = _PREFIX.search(code, max(0, start - 2), start)
    return prefix[0] if prefix else ""


def quote_of(code: str, start: int) -> str:
    """What the string at ``start`` begins and ends with: one quote, or three."""
    three = code[start : start + 3]
    return three if three in ("'''", '"""') else code[start]


def end_of_string(code: str, start: int) -> int:
    """Where the string ends whose first quote stands at ``start``; it may be an f-string."""
    kind = prefix_of(code, start).lower()
    if "f" in kind or "t" in kind:
        quote = quote_of(code, start)
        return _end_of_text(code, start + len(quote), quote, "r" in kind)
    token = _TOKEN.match(code, start)
    assert token is not None
    return token.end()


def _end_of_text(code: str, position: int, quote: str, raw: bool) -> int:
    """The end of an f-string's text; of a format's, which has no ``quote``, the brace there."""
    while True:
        character = code[position]
        if character == "\\" and code[position + 1] not in "{}":
            named = not raw and code.startswith("N{", position + 1)
            position = code.index("}", position) + 1 if named else position + 2
        elif character == "{" and quote and code[position + 1] == "{":
            position += 2
        elif character == "{":
            position = _end_of_field(code, position + 1, raw)
        elif quote and code.startswith(quote, position):
            return position + len(quote)
        elif character == "}" and not quote:
            return position
        else:
            position += 1


def _end_of_field(code: str, position: int, raw: bool) -> int:
    """The end of what stands in the braces of an f-string, behind the closing one."""
    depth = 0
    while True:
        character = code[position]
        if character in "'\"":
            position = end_of_string(code, position)
            continue
        if character == "#":
            position = code.index("\n", position)
        elif character in "([{":
            depth += 1
        elif character == ":" and not depth:
            return _end_of_text(code, position + 1, "", raw) + 1
        elif character in ")]}":
            if not depth:
                return position + 1
            depth -= 1
        position += 1


class Places:
    """Finds the characters that the positions of AST nodes mean.

    Args:
        code: the source that was parsed, with ``\\n`` as line end.
    """

    def __init__(self, code: str) -> None:
        self._lines = code.split("\n")
        self._starts = [0]
        for line in self._lines:
            self._starts.append(self._starts[-1] + len(line) + 1)

    def index(self, line: int, column: int) -> int:
        """The index in the source of ``column``, which counts UTF-8 bytes, in ``line``."""
        text = self._lines[line - 1]
        if not text.isascii():
            column = len(text.encode()[:column].decode())
        return self._starts[line - 1] + column

    def place(self, index: int) -> tuple[int, int]:
        """Line and column, both counted from 1, of a character."""
        line = bisect.bisect_right(self._starts, index)
        return line, index - self._starts[line - 1] + 1

    def start(self, node: ast.stmt | ast.expr) -> int:
        """Where a node begins."""
        return self.index(node.lineno, node.col_offset)

    def end(self, node: ast.stmt | ast.expr) -> int:
        """Where a node ends."""
        return self.index(node.end_lineno or node.lineno, node.end_col_offset or 0)
