# SPDX-License-Identifier: Apache-2.0
"""Operations and their arguments as the payloads of frames."""

from __future__ import annotations

from typing import Any, NamedTuple

from belay import errors
from belay.session.adapt import adapt
from belay.session.onboard import load, raw_deflate
from belay.wire.exchange import NOTHING
from belay.wire.literal import escape
from belay.wire.values import CannotTravel, encode_segments, encode_small

__all__ = [
    "CALL",
    "CALL_KEYWORDS",
    "CLOCK",
    "DEFINE",
    "EVALUATE",
    "EXECUTE",
    "LOOK",
    "MANY",
    "NOTHING",
    "RELEASE",
    "TIMED",
    "USE",
    "VALUE",
    "Operation",
    "extension_of",
    "payloads",
    "timed",
    "using",
]

CALL = b"c"
"""``(name, *args)``: call a global of ``__main__``."""
CALL_KEYWORDS = b"k"
"""``(name, keywords, *args)``."""
DEFINE = b"d"
"""``(tag, source, name, names)``: statements that define the function ``name``; answers its number,
by which it is called from then on (``bytes((0x80 + number,))`` with ``(*args,)``), and those of
``names`` that the board does not have."""
EVALUATE = b"e"
"""``(source,)``: an expression."""
EXECUTE = b"x"
"""``(tag, source)``: statements; ``tag`` is what tracebacks call the source. A dict behind them is
assigned to globals first."""
VALUE = b"v"
"""``(tag, source)``: statements that set the global ``_belay_value``, which is the result."""
MANY = b"m"
"""``([(operation, args), …],)``: in order, until the first failure."""

RELEASE = b"r"
"""``(references, code, args)``: forget what the host refers to no more, then do ``code``. A number
is one of the board's table, a negative one is closed first; a text is a global."""
TIMED = b"T"
"""``(code, args)``: answers the board's ``ticks_ms`` once the value was there, and the value."""
USE = b"u"
"""``(name, source, code, args)``: run an extension of the agent, unless it is there; then do
``code``."""


CLOCK = "a look at the clock"
"""Label of requests that only read the board's clock: a recording does not count on them, for how
many there are is a matter of chance."""

LOOK = "a look"
"""Label of requests of which a recording is told beside those of the program."""


class Operation(NamedTuple):
    """One thing for the board to do.

    Attributes:
        code: one of the constants above, or of an extension.
        args: its arguments.
        extension: the program of :mod:`belay.onboard` that knows it, if not the agent itself.
        label: what errors call it, such as ``led.value(1)``.
        generation: that of the session which gave out the numbers in ``args``; in a later one
            they mean nothing. None where there are no such numbers.
        repeats: how often it is sent again while nothing shows that it has arrived; negative for
            as long as a link may take to come back.
    """

    code: bytes
    args: tuple[Any, ...] = ()
    extension: str = ""
    label: str = ""
    generation: int | None = None
    repeats: int = -1


def extension_of(source: str) -> str:
    """The extension that a source needs: what reads ``sys.stdin`` brings the stand-in for it."""
    return "stdin" if "stdin" in source else ""


def timed(operation: Operation) -> Operation:
    """The same, with the board's clock in front of its value."""
    return operation._replace(code=TIMED, args=(operation.code[0], operation.args))


def using(operation: Operation) -> Operation:
    """The same, with its extension: it travels in the same request."""
    name = operation.extension
    args = (name, load(name), operation.code[0], operation.args)
    return operation._replace(code=USE, args=args, extension="")


_NAMES = {
    CALL: ("name",),
    CALL_KEYWORDS: ("name", "keywords"),
    MANY: ("batch",),
    b"g": ("name", "value", "keywords"),  # of belay/onboard/generators.py
    b"y": ("name", "keywords"),  # of belay/onboard/coroutines.py
}
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
            segments = encode_segments(args, size, _NAMES.get(operation, ()), adapt)
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
    packed = b"z" + raw_deflate(payload)
    # What counts is what is typed: deflated bytes need more escapes.
    return packed if len(escape(packed)) < len(escape(payload)) else payload


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
