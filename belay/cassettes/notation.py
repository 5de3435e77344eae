# SPDX-License-Identifier: Apache-2.0
r"""Values as Python writes them, over as many lines as they need; and back, without evaluating.

What Python has no literal for is a call: ``float('nan')``, ``complex(1.0, 2.0)``,
``bytearray(b'')``, ``array('h', [1])``, ``memoryview(array('B', [1]))``, ``frozenset({1})``,
``set()``, ``range(0, 3, 1)``. What cannot be read back as the same encoded value is written as its
encoding: ``encoded(b'...')``.
"""

from __future__ import annotations

import ast
import math
import re
from array import array
from collections.abc import Callable
from typing import Any

from belay.cassettes.lines import NotOurs
from belay.wire.decoding import decode
from belay.wire.values import CannotTravel, Malformed, Reference, encode_segments

__all__ = ["encoded", "from_text", "one_line", "told", "value_lines"]

WIDTH = 88
_LARGE = 10**300
_DEEPEST = 48
"""Python's own parser refuses some 100 brackets; deeper values are written encoded."""

Adapter = Callable[[Any], Any]


def _as_is(value: Any) -> Any:
    return NotImplemented


# ------------------------------------------------------------------------------ value → lines


def value_lines(value: Any, adapt: Adapter = _as_is, indent: str = "") -> list[str]:
    """A value as lines of Python.

    Args:
        value: any value; one that cannot travel is written as the name of its type.
        adapt: makes values of other types into ones that can travel, or returns NotImplemented.
        indent: stands before each line but the first.
    """
    whole = _one_line(value, adapt, 0)
    if len(whole) + len(indent) <= WIDTH and "\\n" not in whole[:-3]:
        return [whole]
    kind = type(value)
    deeper = indent + " "
    if kind in (str, bytes):
        parts = [repr(part) for part in _cut(value, WIDTH - len(indent) - 8)]
        if len(parts) == 1:
            return parts
        return [
            f"({parts[0]}",
            *(f"{deeper}{part}" for part in parts[1:-1]),
            f"{deeper}{parts[-1]})",
        ]
    if kind is dict and value:
        rows = []
        for key, item in value.items():
            first, *rest = value_lines(item, adapt, deeper)
            rows.append([f"{_one_line(key, adapt, 0)}: {first}", *rest])
        return _bracketed("{", rows, "}", indent)
    if kind in (list, tuple) and value:
        opening, closing = "[]" if kind is list else "()"
        return _bracketed(
            opening, [value_lines(item, adapt, deeper) for item in value], closing, indent
        )
    if kind is array and value:
        items = [[_one_line(item, adapt, 0)] for item in value]
        return _bracketed(f"array({value.typecode!r}, [", items, "])", indent)
    return [whole]


def one_line(value: Any) -> str:
    """A value in one line, however long."""
    return _one_line(value, _as_is, 0)


def _bracketed(opening: str, rows: list[list[str]], closing: str, indent: str) -> list[str]:
    """Items between brackets; short ones share a line."""
    lines = [opening]
    current = ""
    for row in rows:
        if len(row) == 1 and len(indent) + 2 + len(current) + len(row[0]) + 2 <= WIDTH:
            current += (" " if current else "") + row[0] + ","
            continue
        if current:
            lines.append(f"{indent} {current}")
            current = ""
        if len(row) == 1:
            current = row[0] + ","
        else:
            lines += [f"{indent} {row[0]}", *row[1:-1], row[-1] + ","]
    if current:
        lines.append(f"{indent} {current}")
    return [*lines, indent + closing]


def _cut(value: Any, width: int) -> list[Any]:
    """A text or bytes in pieces: behind each line feed, and where a piece gets too long."""
    empty: Any = value[:0]
    feed: Any = "\n" if isinstance(value, str) else b"\n"
    pieces = []
    for line in value.split(feed):
        line = line + feed
        pieces += [line[at : at + width] for at in range(0, len(line), width)]
    pieces[-1] = pieces[-1][:-1]  # the line feed that was not there
    return [piece for piece in pieces if piece != empty] or [empty]


def _one_line(value: Any, adapt: Adapter, depth: int) -> str:
    kind = type(value)
    if depth > _DEEPEST:
        return "..."
    if kind is int:
        return hex(value) if abs(value) >= _LARGE else str(value)
    if kind is float and not math.isfinite(value):
        return f"float('{value}')"
    if value is None or kind in (bool, float, str, bytes):
        return repr(value)

    def inner(item: Any) -> str:
        return _one_line(item, adapt, depth + 1)

    if kind is complex:
        return f"complex({inner(value.real)}, {inner(value.imag)})"
    if kind is list:
        return f"[{', '.join(map(inner, value))}]"
    if kind is tuple:
        return f"({', '.join(map(inner, value))}{',' if len(value) == 1 else ''})"
    if kind is dict:
        return "{" + ", ".join(f"{inner(key)}: {inner(item)}" for key, item in value.items()) + "}"
    if kind is set or kind is frozenset:
        items = sorted(map(inner, value))  # two runs have them in two orders
        braces = "{" + ", ".join(items) + "}" if items else "set()"
        return braces if kind is set else f"frozenset({braces})"
    return _call(value, inner, adapt, depth)


def _call(value: Any, inner: Callable[[Any], str], adapt: Adapter, depth: int) -> str:
    kind = type(value)
    if kind is bytearray:
        return f"bytearray({bytes(value)!r})"
    if kind is range:
        return f"range({value.start}, {value.stop}, {value.step})"
    if kind is array:
        return f"array({value.typecode!r}, [{', '.join(map(inner, value))}])"
    if kind is memoryview:
        return f"memoryview({inner(array(value.format, value.tobytes()))})"
    refer = getattr(kind, "__belay_reference__", None)
    if refer is not None:
        value = refer(value)
    if isinstance(value, Reference):
        return f"object({value.target!r})"
    other = adapt(value)
    if other is NotImplemented:
        return f"<{kind.__module__}.{kind.__qualname__}>"
    return _one_line(other, adapt, depth)


# ------------------------------------------------------------------------------ text → value


def from_text(text: str) -> Any:
    """The value that :func:`value_lines` has written.

    Raises:
        NotOurs: it cannot have written that.
    """
    try:
        return _value(ast.parse(text.strip(), mode="eval").body)
    except (
        SyntaxError,
        ValueError,
        TypeError,
        RecursionError,
        MemoryError,
        OverflowError,
    ) as error:
        raise NotOurs(f"no value: {error}") from None


def _value(node: ast.expr) -> Any:
    if isinstance(node, ast.Constant):
        if node.value is None or type(node.value) in (bool, int, float, str, bytes):
            return node.value
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _value(node.operand)
        if type(value) in (int, float):
            return -value
    elif isinstance(node, ast.List):
        return [_value(item) for item in node.elts]
    elif isinstance(node, ast.Tuple):
        return tuple(_value(item) for item in node.elts)
    elif isinstance(node, ast.Set):
        return {_value(item) for item in node.elts}
    elif isinstance(node, ast.Dict):
        if None not in node.keys:
            pairs = zip(node.keys, node.values, strict=True)
            return {_value(key): _value(item) for key, item in pairs if key is not None}
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        make = _CALLS.get(node.func.id)
        if make is not None:
            return make(*[_value(item) for item in node.args])
    raise NotOurs("no value")


def _float(text: str) -> float:
    if text not in ("nan", "inf", "-inf"):
        raise NotOurs(f"{text!r} is no such float")
    return float(text)


def _set(*items: Any) -> Any:
    if items:
        raise NotOurs("a set in another form")
    return set()


_CALLS: dict[str, Callable[..., Any]] = {
    "float": _float,
    "complex": complex,
    "bytearray": bytearray,
    "frozenset": frozenset,
    "set": _set,
    "range": range,
    "array": array,
    "memoryview": memoryview,
}


# ------------------------------------------------------------------------------ encoded values


def told(payload: bytes, *, indent: str = "") -> list[str]:
    """An encoded value as lines; as its encoding where it would not come back as the same."""
    try:
        value = decode(payload)
    except (CannotTravel, Malformed):
        return _raw(payload, indent)
    lines = value_lines(value, indent=indent)
    try:
        again = _encode(from_text("\n".join(lines)))
        same = again == payload or (_has_set(value) and _same(again, lines))
    except (NotOurs, CannotTravel):
        same = False
    return lines if same else _raw(payload, indent)


def _same(payload: bytes, lines: list[str]) -> bool:
    """Whether an encoding stands for the same value, but for the order of what has none."""
    return value_lines(decode(payload), indent=" ") == value_lines(
        from_text("\n".join(lines)), indent=" "
    )


def _has_set(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_has_set, [*value, *value.values()]))
    if isinstance(value, (list, tuple)):
        return any(map(_has_set, value))
    return isinstance(value, (set, frozenset))


def encoded(text: str) -> bytes:
    """What :func:`told` has written, as an encoded value again.

    Raises:
        NotOurs: it cannot have written that.
    """
    match = re.fullmatch(r"encoded\((.*)\)", text.strip(), re.DOTALL)
    value = from_text(match[1] if match else text)
    if match:
        if type(value) is not bytes:
            raise NotOurs("encoded() is of bytes")
        return value
    try:
        return _encode(value)
    except CannotTravel as error:
        raise NotOurs(str(error)) from None


def _encode(value: Any) -> bytes:
    return b"".join(encode_segments((value,), 1 << 20))


def _raw(payload: bytes, indent: str) -> list[str]:
    lines = value_lines(payload, indent=indent + " ")
    return (
        [f"encoded({lines[0]}", *lines[1:-1], f"{lines[-1]})"]
        if len(lines) > 1
        else [f"encoded({lines[0]})"]
    )
