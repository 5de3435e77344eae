# SPDX-License-Identifier: Apache-2.0
"""Strings and numbers that MicroPython's lexer reads otherwise than CPython's."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import NamedTuple

from belay.source.cells import quietly
from belay.source.tokens import WORD, next_token, prefix_of, quote_of

__all__ = ["FIELD_REMEDY", "Problem", "check_literals"]

FIELD_REMEDY = "give the value a name before, and put that into the braces"


class Problem(NamedTuple):
    """Something that MicroPython cannot compile or run.

    Attributes:
        at: index in the source at which it begins.
        what: what it is, as a clause.
        remedy: what to write in its place.
    """

    at: int
    what: str
    remedy: str


class Field(NamedTuple):
    """An expression in the braces of an f-string, as MicroPython cuts it out.

    Attributes:
        at: index in the source at which it begins.
        text: what it is.
    """

    at: int
    text: str


class _String(NamedTuple):
    prefix: str
    start: int  # of its first quote
    end: int


_PREFIXES = ("", "b", "f", "r", "u", "br", "rb", "fr", "rf")
_DIGITS = "[0-9](?:_?[0-9])*"
_WORDS = re.compile(
    rf"""
      (?P<name> [A-Za-z_\x80-\U0010ffff]{WORD}*)
    | (?P<number>
        (?: 0[xX](?:_?[0-9a-fA-F])+ | 0[oO](?:_?[0-7])+ | 0[bB](?:_?[01])+
          | (?:{_DIGITS}\.?(?:{_DIGITS})?|\.{_DIGITS})(?:[eE][-+]?{_DIGITS})?[jJ]?
        )
        (?P<glued>[A-Za-z_])?
      )
    | .
    """,
    re.VERBOSE | re.DOTALL,
)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED_BRACE = re.compile(r"x7[bBdD]|17[35]|u007[bBdD]|U0000007[bBdD]")


def check_literals(code: str, nested: bool = False) -> Iterator[Problem | Field]:
    """Find literals that MicroPython does not read as CPython does.

    Args:
        code: source that CPython has parsed, with ``\\n`` as line end.
        nested: whether it stands in the braces of an f-string.

    Yields:
        What is wrong, and the expressions in f-strings, which are to be checked as well.
    """
    together: list[_String] = []  # strings that are one literal
    position, depth = 0, 0
    while position < len(code):
        kind, end = next_token(code, position, len(code))
        if kind == "string":
            string = _String(prefix_of(code, position), position, end)
            together.append(string)
            yield from _check_string(code, string)
        elif not _is_between_strings(code, kind, position, end, depth):
            yield from _check_together(code, together, nested)
            together = []
        if kind == "code":
            yield from _check_numbers(code, position, end)
        depth += (kind == "open") - (kind == "close")
        position = end
    yield from _check_together(code, together, nested)


def _is_between_strings(code: str, kind: str, position: int, end: int, depth: int) -> bool:
    """Whether strings before and behind a token are one literal."""
    if kind == "line":
        return depth > 0 or code[position] == "\\"
    if kind == "code" and code[end : end + 1] in ("'", '"'):
        return end - position == len(prefix_of(code, end))
    return kind == "space"


def _check_numbers(code: str, position: int, end: int) -> Iterator[Problem]:
    for word in _WORDS.finditer(code, position, end):
        if word["glued"]:
            yield Problem(
                word.start(),
                "MicroPython takes a number and the word behind it for one number",
                "put a space between them",
            )


def _check_string(code: str, string: _String) -> Iterator[Problem | Field]:
    start = string.start - len(string.prefix)
    prefix = string.prefix.lower()
    if string.prefix not in _PREFIXES:
        if "t" in prefix:
            yield Problem(start, "MicroPython has no template strings", "use an f-string")
        else:
            yield Problem(start, f"MicroPython has no prefix {string.prefix}", f"write {prefix}")
    if "r" not in prefix:
        for escape in _ESCAPE.finditer(code, string.start, string.end):
            if escape[1] == "N":
                yield Problem(
                    escape.start(), "MicroPython knows no names of characters", "use \\u or \\x"
                )
    if "f" in prefix:
        yield from _read_f_string(code, string)


def _read_f_string(code: str, string: _String) -> Iterator[Problem | Field]:
    """Read an f-string as MicroPython's lexer does: for its brackets only, not for its quotes."""
    quote = quote_of(code, string.start)
    position, end = string.start + len(quote), string.end - len(quote)
    while position < end:
        character = code[position]
        if character == "\\":
            yield from _check_escape(code, position, "r" in string.prefix.lower())
            position += 2
        elif character != "{":
            position += 1
        elif code[position + 1] == "{":
            position += 2
            if position == end:  # it takes the quote for text
                yield Problem(
                    position - 2,
                    "MicroPython cannot read {{ at the end of an f-string",
                    "add that brace with +",
                )
        else:
            start = position + 1
            position = _end_of_field(code, start)
            if position >= end:
                what = "MicroPython cannot read brackets or colons in strings in an f-string"
                yield Problem(start, what, FIELD_REMEDY)
                return
            yield Field(start, code[start:position].removesuffix("="))
            position += 1


def _end_of_field(code: str, position: int) -> int:
    depth = 0
    while position < len(code):
        character = code[position]
        if not depth:
            if character in ":}":
                break
            # A conversion: CPython's !a is none, and != must not be taken for one.
            if character == "!" and re.match(r"![rs][:}]", code[position : position + 3]):
                break
        depth += (character in "[{") - (character in "]}")
        position += 1
    return position


def _check_escape(code: str, position: int, raw: bool) -> Iterator[Problem]:
    if code[position + 1] == "{":
        yield Problem(
            position,
            "MicroPython takes \\{ in an f-string for text",
            "put the part with the backslash in front of it with +",
        )
    elif not raw and _ESCAPED_BRACE.match(code, position + 1):
        yield Problem(
            position,
            "MicroPython takes an escaped brace in an f-string for a brace of its format",
            "write {{ or }}",
        )


def _check_together(code: str, strings: list[_String], nested: bool) -> Iterator[Problem]:
    """Check one literal, which may be of several strings."""
    if not any("f" in string.prefix.lower() for string in strings):
        return
    for string in strings:
        if "f" not in string.prefix.lower():
            with quietly():
                value = ast.literal_eval(code[string.start - len(string.prefix) : string.end])
            if "{" in value or "}" in value:
                yield Problem(
                    string.start - len(string.prefix),
                    "MicroPython takes braces in a string beside an f-string for fields",
                    "join the two with +",
                )
        elif nested and any(isinstance(part, Field) for part in _read_f_string(code, string)):
            yield Problem(
                string.start - len(string.prefix),
                "MicroPython cannot run an f-string in the braces of another",
                FIELD_REMEDY,
            )
