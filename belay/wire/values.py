# SPDX-License-Identifier: Apache-2.0
r"""The values that travel between host and board, and how they are written.

A value is a token, prefix first, so that either side can decode as segments arrive and a board
never holds a whole encoding:

========================  =====================================================================
token                     meaning
========================  =====================================================================
0x80 to 0xff              the int ``token - 0x90``: -16 to 111
``h`` ``i``               int, 2 or 4 bytes, little endian, two's complement
``I`` size text           any other int, in hexadecimal with its sign
``N`` ``T`` ``F``         None, True, False
``d`` 8 bytes             float, IEEE 754 binary64, little endian: the bits, not a decimal text
``j`` 16 bytes            complex, two of those
``s`` size utf-8          str
``b`` size bytes          bytes
``B`` size bytes          bytearray
``a`` code size bytes     array.array of that typecode; size in bytes
``m`` code size bytes     memoryview of that format
``l`` ``t`` ``D`` ``S``   list, tuple, dict, set; then the number of items (of a dict: pairs) and
``Z``                     the items; frozenset
``r`` int int int         range: start, stop, step
``J`` token ... count     one large str, int or buffer in pieces: the token it stands for (with its
                          code), the number of pieces, then each piece as ``b``
``@`` int                 to the board only: the object that it keeps under this number
``$`` size text           to the board only: what this expression means in its ``__main__``
``!`` size text           a value that cannot travel: its type's name; nothing follows
========================  =====================================================================

A *size* or *count* is itself written as an int token. No token is a byte that the literal of a
call must escape. Nothing read here is ever evaluated.
"""

from __future__ import annotations

import struct
from array import array
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

__all__ = [
    "Adapter",
    "CannotTravel",
    "Limits",
    "Malformed",
    "Reference",
    "encode_segments",
    "encode_small",
]

PIECE = 2048
"""Buffers and strings longer than this travel in pieces of this size."""

MAX_DEPTH = 64
"""Nesting that both sides accept; a deeper value is refused by name, never by a stack overflow."""


class CannotTravel(Exception):
    """A value outside the closed set of types.

    Attributes:
        type_name: the type that cannot travel.
        path: where it sits below the root, such as ``['log'][3]``; empty for the root itself.
        reason: what is wrong with it, where the type alone does not say.
    """

    def __init__(self, type_name: str, path: str = "", reason: str = "") -> None:
        super().__init__(type_name, path, reason)
        self.type_name = type_name
        self.path = path
        self.reason = reason

    def __str__(self) -> str:
        why = f": {self.reason}" if self.reason else ""
        return f"{self.type_name} at {self.path or 'the root'}{why}"

    def below(self, place: str) -> CannotTravel:
        """The same, seen from one level further up: paths are put together only when needed."""
        self.path = place + self.path
        return self


def shown(value: Any) -> str:
    """A key or an item as a path names it: short, and never an error of its own."""
    try:
        text = repr(value)
    except Exception:  # a large int has no decimal text, and a stranger's repr may do anything
        return f"<{type(value).__name__}>"
    return text if len(text) <= 80 else f"{text[:77]}..."


@dataclass(frozen=True)
class Reference:
    """Stands for an object that stays on the board.

    What a class with a method ``__belay_reference__`` returns from it travels in its place.

    Attributes:
        target: the number under which the board keeps it, or an expression in its ``__main__``.
    """

    target: int | str


Adapter = Callable[[Any], Any]
"""Makes of a value of another type one that can travel, or returns NotImplemented."""


class Malformed(Exception):
    """Bytes that are no value. With a CRC over them this means a fault in the agent."""


@dataclass(frozen=True)
class Limits:
    """What an answer may cost before it is decoded.

    Attributes:
        size: most bytes of one encoded value.
        depth: deepest nesting.
    """

    size: int = 256 * 1024 * 1024
    depth: int = MAX_DEPTH


DEFAULT_LIMITS = Limits()

# --------------------------------------------------------------------------------------- encoding


def _integer(value: int) -> bytes:
    if -16 <= value < 112:
        return bytes((value + 0x90,))
    if -0x8000 <= value < 0x8000:
        return b"h" + value.to_bytes(2, "little", signed=True)
    if -0x80000000 <= value < 0x80000000:
        return b"i" + value.to_bytes(4, "little", signed=True)
    text = b"%x" % value
    return b"I" + _integer(len(text)) + text


CODES = frozenset("bBhHiIlLqQfd")
_CONTAINERS: dict[type, bytes] = {list: b"l", tuple: b"t", set: b"S", frozenset: b"Z"}


def _buffer(value: Any) -> tuple[bytes, bytes]:
    """Token (with its code) and bytes of a str or a buffer."""
    kind = type(value)
    if kind is int:
        return b"I", b"%x" % value
    if kind is str:
        return b"s", value.encode()
    if kind is bytes:
        return b"b", value
    if kind is bytearray:
        return b"B", bytes(value)
    if kind is memoryview and value.ndim != 1:
        raise CannotTravel("memoryview", reason=f"it has {value.ndim} dimensions, not one")
    code = value.typecode if kind is array else value.format
    if code not in CODES:
        raise CannotTravel(kind.__name__, reason=f"no board knows the item format {code!r}")
    if code in "lL":  # 4 bytes on a board, 8 on most hosts: travels as what it is here
        code = {4: "i", 8: "q"}[value.itemsize] if code == "l" else {4: "I", 8: "Q"}[value.itemsize]
    return (b"a" if kind is array else b"m") + code.encode(), value.tobytes()


_BUFFERS = frozenset({str, bytes, bytearray, array, memoryview})


def _scalar(value: Any) -> bytes | None:
    """The whole encoding of a value that holds no others and is not large, else None."""
    kind = type(value)
    if kind is int:
        return _integer(value) if value.bit_length() <= 4 * PIECE else None
    if value is None:
        return b"N"
    if kind is bool:
        return b"T" if value else b"F"
    if kind in _BUFFERS:
        token, data = _buffer(value)
        return token + _integer(len(data)) + data if len(data) <= PIECE else None
    if kind is float:
        return b"d" + struct.pack("<d", value)
    if kind is complex:
        return b"j" + struct.pack("<dd", value.real, value.imag)
    if kind is range:
        return b"r" + _integer(value.start) + _integer(value.stop) + _integer(value.step)
    return None


def _not_adapted(value: Any) -> Any:
    return NotImplemented


def _walk(value: Any, depth: int, adapt: Adapter) -> Iterator[bytes]:
    """Yield the tokens of a value, each whole."""
    try:
        whole = _scalar(value)
    except UnicodeEncodeError as error:
        raise CannotTravel("str", reason=f"not Unicode text ({error.reason})") from None
    if whole is not None:
        yield whole
        return
    kind = type(value)
    if kind in _BUFFERS or kind is int:
        token, data = _buffer(value)
        pieces = [data[i : i + PIECE] for i in range(0, len(data), PIECE)]
        yield b"J" + token + _integer(len(pieces))
        for piece in pieces:
            yield b"b" + _integer(len(piece)) + piece
    elif kind is not dict and kind not in _CONTAINERS:
        yield from _walk_stranger(value, depth, adapt)
    elif depth >= MAX_DEPTH:
        raise CannotTravel(kind.__name__, reason=f"nested more than {MAX_DEPTH} deep")
    elif kind is dict:
        yield from _walk_pairs(value, depth, adapt)
    else:
        yield _CONTAINERS[kind] + _integer(len(value))
        index, item = 0, None
        try:
            for index, item in enumerate(value):  # noqa: B007, they say below where it went wrong
                yield from _walk(item, depth + 1, adapt)
        except CannotTravel as error:
            ordered = kind is list or kind is tuple
            raise error.below(f"[{index}]" if ordered else f".item({shown(item)})") from None


def _walk_stranger(value: Any, depth: int, adapt: Adapter) -> Iterator[bytes]:
    """A value of a type that is none of ours: what it refers to, or what it can be made into."""
    kind = type(value)
    refer = getattr(kind, "__belay_reference__", None)  # of the type: a proxy's own are remote
    if refer is not None:
        target = refer(value).target
        if isinstance(target, int):
            yield b"@" + _integer(target)
        else:
            data = target.encode()
            yield b"$" + _integer(len(data)) + data
        return
    replacement = adapt(value)
    if replacement is NotImplemented:
        raise CannotTravel(f"{kind.__module__}.{kind.__qualname__}")
    yield from _walk(replacement, depth, adapt)


def _walk_pairs(value: dict[Any, Any], depth: int, adapt: Adapter) -> Iterator[bytes]:
    yield b"D" + _integer(len(value))
    key, place = None, ""
    try:
        for key, item in value.items():
            place = ".key(%s)"
            yield from _walk(key, depth + 1, adapt)
            place = "[%s]"
            yield from _walk(item, depth + 1, adapt)
    except CannotTravel as error:
        raise error.below(place % (shown(key),)) from None


def encode_small(values: tuple[Any, ...]) -> bytes | None:
    """Encode values one after another, if all are scalars and short; else None.

    The usual arguments of a call: no generator, no path to keep.

    Raises:
        CannotTravel: never; what is not plainly fine is left to :func:`encode_segments`.
    """
    parts = []
    for value in values:
        kind = type(value)
        if kind is int:
            if value.bit_length() > 1024:
                return None
            parts.append(_integer(value))
        elif kind is str:
            try:
                data = value.encode()
            except UnicodeEncodeError:
                return None
            if len(data) > 512:
                return None
            parts.append(b"s" + _integer(len(data)) + data)
        elif kind is float:
            parts.append(b"d" + struct.pack("<d", value))
        elif kind is bool or value is None:
            parts.append(b"N" if value is None else b"T" if value else b"F")
        else:
            return None
    return b"".join(parts)


def encode_segments(
    values: tuple[Any, ...],
    size: int,
    names: tuple[str, ...] = (),
    adapt: Adapter = _not_adapted,
) -> list[bytes]:
    """Encode values one after another into segments that end between tokens.

    Args:
        values: what to encode.
        size: most bytes of a segment; at least ``PIECE + 16``.
        names: what to call the first values in an error's path; those behind are ``args[0]``
            and so on.
        adapt: makes values of other types into ones that can travel.

    Returns:
        One or more segments. All is encoded before anything is returned, so a value that cannot
        travel is found before anything has been sent.

    Raises:
        CannotTravel: with the path of the value.
    """
    segments = [bytearray()]
    for index, value in enumerate(values):
        name = names[index] if index < len(names) else f"args[{index - len(names)}]"
        try:
            for token in _walk(value, 0, adapt):
                if len(segments[-1]) + len(token) > size and segments[-1]:
                    segments.append(bytearray())
                segments[-1] += token
        except CannotTravel as error:
            raise error.below(name) from None
    return [bytes(segment) for segment in segments]
