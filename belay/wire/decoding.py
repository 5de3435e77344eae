# SPDX-License-Identifier: Apache-2.0
"""Values from the tokens of :mod:`belay.wire.values`, whatever bytes a board sends."""

from __future__ import annotations

import struct
from array import array
from typing import Any

from belay.wire.values import CODES, DEFAULT_LIMITS, CannotTravel, Limits, Malformed, shown

__all__ = ["decode", "decode_items"]


def _decoded(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise CannotTravel("str", reason=f"not UTF-8 ({error.reason})") from None


def _hexadecimal(text: bytes) -> int:
    try:
        return int(text, 16)
    except ValueError:
        raise Malformed(f"no hexadecimal number: {text!r:.40}") from None


class _Reader:
    """One pass over an encoded value, with a limit on depth."""

    def __init__(self, data: bytes, limits: Limits) -> None:
        self.data = data
        self.at = 0
        self.limits = limits

    def take(self, count: int) -> bytes:
        end = self.at + count
        if count < 0 or end > len(self.data):
            raise Malformed(f"{count} bytes wanted at {self.at}, {len(self.data) - self.at} there")
        part = self.data[self.at : end]
        self.at = end
        return part

    def short(self) -> int:
        """An int that is written in at most 4 bytes. Sizes are: nothing nests in them."""
        token = self.take(1)[0]
        if token >= 0x80:
            return token - 0x90
        if token in b"hi":
            part = self.take(2 if token == 0x68 else 4)
            return int.from_bytes(part, "little", signed=True)
        raise Malformed(f"an int was expected at {self.at - 1}, not {token:#x}")

    def integer(self) -> int:
        if self.data[self.at : self.at + 1] == b"I":
            self.at += 1
            return self.hexadecimal()
        return self.short()

    def count(self) -> int:
        """A number of items or bytes. Nothing is allocated for it before the items are there."""
        value = self.short()
        if not 0 <= value <= self.limits.size:
            raise Malformed(f"{value} items announced at {self.at}")
        return value

    def value(self, depth: int) -> Any:
        token = self.take(1)[0]
        if token >= 0x80:
            return token - 0x90
        read = _READERS.get(token)
        if read is None:
            raise Malformed(f"no token: {token:#x} at {self.at - 1}")
        if depth > self.limits.depth:
            raise CannotTravel("value", reason="nested too deep")
        return read(self, depth)

    def text(self) -> str:
        return _decoded(self.take(self.count()))

    def items(self, depth: int) -> list[Any]:
        result: list[Any] = []
        try:
            for _ in range(self.count()):
                result.append(self.value(depth + 1))
        except CannotTravel as error:
            raise error.below(f"[{len(result)}]") from None
        return result

    def hashed(self, make: Any, depth: int) -> Any:
        items = self.items(depth)
        try:
            return make(items)
        except (TypeError, ValueError):  # a memoryview raises ValueError
            raise Malformed(f"an unhashable item before {self.at}") from None

    def pairs(self, depth: int) -> dict[Any, Any]:
        result = {}
        for index in range(self.count()):
            try:
                key = self.value(depth + 1)
            except CannotTravel as error:
                raise error.below(f".key({index})") from None
            try:
                item = self.value(depth + 1)
            except CannotTravel as error:
                raise error.below(f"[{shown(key)}]") from None
            try:
                result[key] = item
            except (TypeError, ValueError):
                raise Malformed(f"an unhashable key before {self.at}") from None
        return result

    def typed(self) -> array[Any]:
        code = chr(self.take(1)[0])
        return self.array(code, self.take(self.count()))

    def array(self, code: str, data: bytes) -> array[Any]:
        if code not in CODES:
            raise Malformed(f"no item format: {code!r}")
        # A board's l and L are 4 bytes; most hosts have 8. Same values, stated width.
        code = {"l": "i", "L": "I"}.get(code, code)
        try:
            return array(code, data)
        except ValueError:
            raise Malformed(f"{len(data)} bytes are no whole items of {code!r}") from None

    def piece(self) -> bytes:
        if self.take(1) != b"b":
            raise Malformed(f"a piece was expected at {self.at - 1}")
        return self.take(self.count())

    def joined(self) -> Any:
        token = chr(self.take(1)[0])
        code = chr(self.take(1)[0]) if token in "am" else ""
        data = b"".join([self.piece() for _ in range(self.count())])
        if token == "s":
            return _decoded(data)
        if token == "I":
            return _hexadecimal(data)
        if token in "bB":
            return data if token == "b" else bytearray(data)
        if token in "am":
            typed = self.array(code, data)
            return typed if token == "a" else memoryview(typed)
        raise Malformed(f"no token to join: {token!r}")

    def foreign(self) -> Any:
        name, _, reason = self.text().partition(": ")
        raise CannotTravel(name, reason=reason)

    def hexadecimal(self) -> int:
        return _hexadecimal(self.take(self.count()))

    def range(self) -> range:
        start, stop, step = self.integer(), self.integer(), self.integer()
        if step == 0:
            raise Malformed("a range with step 0")
        return range(start, stop, step)


_READERS: dict[int, Any] = {
    ord("h"): lambda r, _: int.from_bytes(r.take(2), "little", signed=True),
    ord("i"): lambda r, _: int.from_bytes(r.take(4), "little", signed=True),
    ord("I"): lambda r, _: r.hexadecimal(),
    ord("N"): lambda r, _: None,
    ord("T"): lambda r, _: True,
    ord("F"): lambda r, _: False,
    ord("d"): lambda r, _: struct.unpack("<d", r.take(8))[0],
    ord("j"): lambda r, _: complex(*struct.unpack("<dd", r.take(16))),
    ord("s"): lambda r, _: r.text(),
    ord("b"): lambda r, _: r.take(r.count()),
    ord("B"): lambda r, _: bytearray(r.take(r.count())),
    ord("a"): lambda r, _: r.typed(),
    ord("m"): lambda r, _: memoryview(r.typed()),
    ord("l"): lambda r, depth: r.items(depth),
    ord("t"): lambda r, depth: tuple(r.items(depth)),
    ord("S"): lambda r, depth: r.hashed(set, depth),
    ord("Z"): lambda r, depth: r.hashed(frozenset, depth),
    ord("D"): lambda r, depth: r.pairs(depth),
    ord("r"): lambda r, _: r.range(),
    ord("J"): lambda r, _: r.joined(),
    ord("!"): lambda r, _: r.foreign(),
}


def decode(data: bytes, limits: Limits = DEFAULT_LIMITS, root: str = "result") -> Any:
    """Decode one value.

    Args:
        data: the whole encoding, its segments joined.
        limits: bounds on size and depth.
        root: what to call the value in an error's path.

    Raises:
        CannotTravel: the board met a value of a type that does not travel; says where.
        Malformed: these bytes are no value.
    """
    if len(data) > limits.size:
        raise CannotTravel("value", root, f"larger than {limits.size} bytes")
    reader = _Reader(data, limits)
    try:
        value = reader.value(0)
    except CannotTravel as error:
        raise error.below(root) from None
    if reader.at != len(data):
        raise Malformed(f"{len(data) - reader.at} bytes behind the value")
    return value


def decode_items(
    data: bytes, limits: Limits = DEFAULT_LIMITS
) -> tuple[list[Any], CannotTravel | None]:
    """Decode values that stand one behind the other.

    Args:
        data: their encodings, joined.
        limits: bounds on size and depth.

    Returns:
        The values, and what is wrong with the one behind them, if that cannot travel. What follows
        such a one cannot be read.

    Raises:
        Malformed: these bytes are no values.
    """
    reader = _Reader(data, limits)
    values: list[Any] = []
    while reader.at < len(data):
        try:
            values.append(reader.value(0))
        except CannotTravel as error:
            return values, error
    return values, None
