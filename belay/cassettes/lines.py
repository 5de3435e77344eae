# SPDX-License-Identifier: Apache-2.0
r"""Bytes as lines that people can read, and back: exactly, whatever bytes they are.

Text stands as it is. A backslash is ``\\``; a byte that is no printable text is ``\xNN``, or
``\r``, ``\t``; so is a blank at the end of a line, which editors like to remove. A line stands for
its text and a line feed; one that ends in a single backslash stands for its text alone.
"""

from __future__ import annotations

import re

__all__ = ["NotOurs", "from_lines", "shown", "to_lines"]

_ESCAPE = re.compile(r"\\(\\|r|t|x[0-9a-f]{2}|.|$)", re.DOTALL)
_SHORT = {"\\": b"\\", "r": b"\r", "t": b"\t"}


class NotOurs(ValueError):
    """Text that no cassette has."""


def shown(data: bytes) -> str:
    """Some bytes in one line, with their line feeds as ``\\x0a``."""
    parts = []
    # What is no UTF-8 comes out as surrogates, which are not printable.
    for letter in data.decode("utf-8", "surrogateescape"):
        if letter == "\\":
            parts.append("\\\\")
        elif letter.isprintable():
            parts.append(letter)
        elif letter in "\r\t":
            parts.append("\\r" if letter == "\r" else "\\t")
        else:
            raw = letter.encode("utf-8", "surrogateescape")
            parts.append("".join(f"\\x{byte:02x}" for byte in raw))
    text = "".join(parts)
    return f"{text[:-1]}\\x20" if text.endswith(" ") else text


def to_lines(data: bytes) -> list[str]:
    """Bytes as lines, without their line ends. Nothing is no line."""
    *whole, rest = data.split(b"\n")
    lines = [shown(line) for line in whole]
    return [*lines, shown(rest) + "\\"] if rest else lines


def from_lines(lines: list[str]) -> bytes:
    """Undo :func:`to_lines`.

    Raises:
        NotOurs: it cannot have made these lines.
    """
    parts = []
    for line in lines:
        inside, ended = line, True
        if (len(line) - len(line.rstrip("\\"))) % 2:
            inside, ended = line[:-1], False
        parts.append(_bytes(inside) + b"\n" * ended)
    data = b"".join(parts)
    if to_lines(data) != lines:
        raise NotOurs("text that is written in another way")
    return data


def _bytes(text: str) -> bytes:
    parts, at = [], 0
    for match in _ESCAPE.finditer(text):
        parts.append(text[at : match.start()].encode("utf-8", "surrogateescape"))
        what = match[1]
        if what[:1] == "x" and len(what) == 3:
            parts.append(bytes((int(what[1:], 16),)))
        elif what in _SHORT:
            parts.append(_SHORT[what])
        else:
            raise NotOurs(f"{match[0]!r} is no escape")
        at = match.end()
    parts.append(text[at:].encode("utf-8", "surrogateescape"))
    return b"".join(parts)
