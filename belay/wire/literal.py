# SPDX-License-Identifier: Apache-2.0
"""Bytes as the inside of a Python bytes literal that no single damaged byte can turn into code.

A call travels as ``__b(b'...')`` typed into the board's raw REPL, so the literal must be *safe*,
not only legal: no quote, no ``#``, no backslash of its own and no control byte that the REPL acts
on (0x01 to 0x05, CR, LF) ever stands raw. Any one damaged byte then leaves an odd number of
quotes, which is a SyntaxError before anything runs, or changes the contents, which the CRC finds.
No ``{`` either: one flipped bit makes ``f'...'`` of ``b'...'``, which would run what is in braces.
"""

from __future__ import annotations

import re

__all__ = ["escape", "escape_ascii"]

_NAMED = {10: rb"\n", 13: rb"\r", 92: rb"\\"}
_OCTAL = (0, 1, 2, 3, 4, 5, 35, 39, 123)
"""NUL must be escaped too: MicroPython 1.29 preview reads a raw NUL in a literal as 0x01."""

_SHORT = {bytes([c]): _NAMED.get(c, b"\\%o" % c) for c in (*_OCTAL, *_NAMED)}
_LONG = {bytes([c]): b"\\%03o" % c for c in _OCTAL}
_UNSAFE = re.compile(rb"([\x00-\x05#'{])(?=[0-7])|([\x00-\x05\n\r#'\\{])")
_NOT_ASCII = re.compile(rb"[\x80-\xff]")


def _replace(match: re.Match[bytes]) -> bytes:
    # Three octal digits where another digit follows, else it would be read as part of the escape.
    return _LONG[match[1]] if match[1] else _SHORT[match[2]]


def escape(data: bytes) -> bytes:
    """Return ``data`` as the inside of a ``b'...'`` literal, 8-bit bytes raw.

    Random bytes grow by about 6 %.
    """
    return _UNSAFE.sub(_replace, data)


def escape_ascii(data: bytes) -> bytes:
    r"""Like :func:`escape`, with ``\x`` escapes for bytes from 0x80: where stdin is text."""
    return _NOT_ASCII.sub(lambda match: b"\\x%02x" % match[0][0], escape(data))
