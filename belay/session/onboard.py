# SPDX-License-Identifier: Apache-2.0
"""The programs of :mod:`belay.onboard` as text to type into a board."""

from __future__ import annotations

import os
import re
import zlib
from binascii import crc32
from functools import cache
from pathlib import Path

from belay.wire.frames import Style
from belay.wire.literal import escape, escape_ascii

__all__ = ["draw_nonce", "forget_agent", "load", "raw_deflate", "upload"]

WINDOW_BITS = 10
"""1 KB: what a board must keep to inflate. 4 KB of source text shrinks to 0.35 with it."""

_ONBOARD = Path(__file__).parent.parent / "onboard"
_COMMENT = re.compile(r"^\s*#.*\n|[ ]{2}#.*$|^\s*\n", re.MULTILINE)
_INDENT = re.compile(r"^(?: {4})+", re.MULTILINE)


@cache
def load(name: str) -> str:
    """The program ``name`` without its comments and with one space of indentation a level.

    Works on our own files only, where ``#`` behind two spaces always begins a comment; a test
    compares the syntax trees.
    """
    text = (_ONBOARD / f"{name}.py").read_text(encoding="utf-8")
    return _INDENT.sub(lambda match: " " * (len(match[0]) // 4), _COMMENT.sub("", text))


def raw_deflate(data: bytes) -> bytes:
    """``data`` as one raw deflate stream with a window that a board can hold."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -WINDOW_BITS)
    return packer.compress(data) + packer.flush()


_UPLOAD = b"""\
def __b(s,n,z):
 import sys
 from binascii import crc32
 if z:
  from deflate import RAW,DeflateIO
  from io import BytesIO
  s=DeflateIO(BytesIO(s),RAW,%d).read()
 if crc32(s)==n and getattr(sys.modules.get('belay'),'upload',0)!=n:
  try:s=compile(s,'<belay>','exec')
  except NameError:pass
  exec(s,{'G':globals()})
  sys.modules['belay'].upload=n
__b(b'%s',%d,%d)
del __b
"""


def upload(nonce: bytes, style: Style, segment: int, *, deflate: bool) -> bytes:
    """The text that puts the agent on a board: typed in one write, before the first request.

    A damaged upload defines nothing: the request behind it then ends in a NameError, and both are
    sent again. One that is already there is left as it is, with the number of its last request, so
    a repetition runs nothing twice.

    Args:
        nonce: what frames begin with.
        style: how frames are written.
        segment: most bytes of one segment of an answer.
        deflate: the board can inflate.
    """
    begin = nonce.decode() if style is Style.TEXT else nonce
    # Under the same CRC as the rest: a flipped bit of the style would make every frame unreadable.
    source = f"N={begin!r};Y={style.value};L={segment}\n{load('agent')}{load('codec')}".encode()
    data = raw_deflate(source) if deflate else source
    literal = escape_ascii(data) if style is Style.TEXT else escape(data)
    return _UPLOAD % (WINDOW_BITS, literal, crc32(source), deflate)


def forget_agent() -> bytes:
    """The text that takes the agent off the board again, so that its memory is free."""
    return b"try:__import__('belay').leave()\nexcept:pass\n\x04"


def draw_nonce(style: Style) -> bytes:
    """What this session's frames begin with: 28 random bits or more, unlike any text."""
    if style is Style.TEXT:
        letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
        return bytes(letters[byte % len(letters)] for byte in os.urandom(6))
    return bytes(byte | 0x80 for byte in os.urandom(4))
