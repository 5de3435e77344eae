# SPDX-License-Identifier: Apache-2.0
"""Operations and their arguments as the payloads of frames."""

from __future__ import annotations

from typing import Any

from belay import errors
from belay.session.onboard import raw_deflate
from belay.wire.values import CannotTravel, encode_segments, encode_small

__all__ = ["CALL", "CALL_KEYWORDS", "DEFINE", "EVALUATE", "EXECUTE", "MANY", "VALUE", "payloads"]

CALL = b"c"
"""``(name, *args)``: call a global of ``__main__``."""
CALL_KEYWORDS = b"k"
"""``(name, keywords, *args)``."""
DEFINE = b"d"
"""``(tag, source, name)``: statements that define the function ``name``; answers its number, by
which it is called from then on: ``bytes((0x80 + number,))`` with ``(*args,)``."""
EVALUATE = b"e"
"""``(source,)``: an expression."""
EXECUTE = b"x"
"""``(tag, source)``: statements; ``tag`` is what tracebacks call the source."""
VALUE = b"v"
"""``(tag, source)``: statements that set the global ``_belay_value``, which is the result."""
MANY = b"m"
"""``([(operation, args), …],)``: in order, until the first failure."""

_NAMES = {CALL: ("name",), CALL_KEYWORDS: ("name", "keywords"), MANY: ("batch",)}
"""What errors call the first arguments; those behind them are ``args[0]`` and so on."""

_DEFLATE_FROM = 160
"""Shorter payloads are not worth the board's time."""


def payloads(
    operation: bytes,
    args: tuple[Any, ...],
    *,
    size: int,
    deflate: bool,
) -> list[bytes]:
    """The payloads that carry one request: one, or as many as its size needs.

    Args:
        operation: one of the constants above.
        args: its arguments.
        size: most bytes of a segment.
        deflate: the board can inflate; each segment is then deflated where that is smaller.

    Raises:
        UnsupportedValueError: an argument cannot travel; nothing has been sent.
    """
    small = encode_small(args)
    if small is not None and len(small) <= size:
        if len(small) < _DEFLATE_FROM:
            return [operation + small]
        segments = [small]
    else:
        try:
            segments = encode_segments(args, size, _NAMES.get(operation, ()))
        except CannotTravel as error:
            raise unsupported(error, "argument") from None
    if len(segments) == 1:
        marked = [operation + segments[0]]
    else:
        marked = [b"<" + segments[0], *(b"+" + part for part in segments[1:-1])]
        marked.append(b">" + operation + segments[-1])
    return [_smaller(payload) for payload in marked] if deflate else marked


def _smaller(payload: bytes) -> bytes:
    if len(payload) < _DEFLATE_FROM:
        return payload
    packed = raw_deflate(payload)
    return b"z" + packed if len(packed) + 1 < len(payload) else payload


def unsupported(error: CannotTravel, what: str) -> errors.UnsupportedValueError:
    """The public form of :class:`CannotTravel`."""
    where = error.path or what
    why = f" ({error.reason})" if error.reason else ""
    hint = (
        "send its parts, or build it on the board"
        if what == "argument"
        else "return its parts, or keep it on the board in a global variable"
    )
    return errors.UnsupportedValueError(
        f"{where}: a value of type {error.type_name!r} cannot travel{why}; {hint}. What "
        "travels: None, bool, int, float, complex, str, bytes, bytearray, list, tuple, dict, set, "
        "frozenset, range, array.array and memoryview.",
        type_name=error.type_name,
        path=error.path,
    )
