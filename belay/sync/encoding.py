# SPDX-License-Identifier: Apache-2.0
"""How a piece of a file travels: in whichever form is shortest on the wire.

A request is typed as a Python literal (:mod:`belay.wire.literal`), in which twelve byte values
cost two to four bytes each: deflated or random data grows by 6.3 %. So every 64 bytes are combined
by exclusive or with one byte, chosen so that none of the twelve occurs: 1.6 %, and the board undoes
it with a few operations on large ints. Where stdin is text, bytes from 0x80 on cost four, and what
is not text travels as base64.
"""

from __future__ import annotations

import zlib
from binascii import b2a_base64
from typing import NamedTuple

from belay.wire.literal import escape, escape_ascii

__all__ = ["ARMOURED", "Form", "Packed", "mask", "pack", "unmask"]

ARMOURED = 1
"""In place of keys: the data is base64."""

_BLOCK = 64
_ONES = int.from_bytes(b"\x01" * _BLOCK, "little")
_COSTLY = [byte for byte in range(256) if len(escape(bytes((byte,)))) > 1]
_FORBIDDEN = [sum(1 << key for key in {byte ^ costly for costly in _COSTLY}) for byte in range(256)]
"""For each byte the keys, as bits of an int, that would turn it into a costly one."""
_COSTLY_KEYS = sum(1 << key for key in _COSTLY)


class Form(NamedTuple):
    """What a board can take.

    Attributes:
        window: bits of the window that it can inflate with; 0 where it cannot.
        masked: it has large ints.
        text: its stdin is text.
    """

    window: int = 0
    masked: bool = True
    text: bool = False


class Packed(NamedTuple):
    """A piece as it travels.

    Attributes:
        data: bytes.
        window: bits of the window that it was deflated with; 0 if it was not.
        keys: one byte for each 64 of ``data``; ``ARMOURED``; or None.
    """

    data: bytes
    window: int = 0
    keys: bytes | int | None = None


def pack(piece: bytes, form: Form) -> Packed:
    """The shortest form of a piece that the board can take."""
    choices = [Packed(piece)]
    if form.window and len(piece) > _BLOCK:
        packer = zlib.compressobj(9, zlib.DEFLATED, -form.window, 9)
        deflated = packer.compress(piece) + packer.flush()
        choices.append(Packed(deflated, form.window))
    shortest = min(choices, key=lambda choice: len(choice.data))
    if form.text:
        armoured = b2a_base64(shortest.data, newline=False)
        choices.append(shortest._replace(data=armoured, keys=ARMOURED))
    elif form.masked and len(piece) > _BLOCK:
        data, keys = mask(shortest.data)
        choices.append(shortest._replace(data=data, keys=keys))
    literal = escape_ascii if form.text else escape
    return min(
        choices,
        key=lambda choice: (
            len(literal(choice.data)) + (len(choice.keys) if isinstance(choice.keys, bytes) else 0)
        ),
    )


def mask(data: bytes) -> tuple[bytes, bytes]:
    """Combine each 64 bytes with a byte that makes none of them costly, if there is one.

    Returns:
        The masked data, and the keys.
    """
    keys = bytearray()
    for at in range(0, len(data), _BLOCK):
        taken = _COSTLY_KEYS
        for byte in set(data[at : at + _BLOCK]):
            taken |= _FORBIDDEN[byte]
        free = ~taken & (taken + 1)  # the lowest bit that is not set
        keys.append(free.bit_length() - 1 if free < 1 << 256 else ord(" "))
    return unmask(data, bytes(keys)), bytes(keys)


def unmask(data: bytes, keys: bytes) -> bytes:
    """Undo :func:`mask`, which is the same operation."""
    blocks = [
        (int.from_bytes(data[at : at + _BLOCK], "little") ^ keys[at // _BLOCK] * _ONES).to_bytes(
            _BLOCK, "little"
        )
        for at in range(0, len(data), _BLOCK)
    ]
    return b"".join(blocks)[: len(data)]
