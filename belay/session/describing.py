# SPDX-License-Identifier: Apache-2.0
"""What a request asks, in words that are the same whenever the same is asked.

No numbers of requests, no session's nonce, nothing that belay itself puts on the board, and no
trace of how the bytes were packed: two hosts with different versions of zlib ask the same.
"""

from __future__ import annotations

import contextlib
import re
import zlib
from typing import Any

from belay.cassettes.lines import shown
from belay.cassettes.notation import value_lines
from belay.session import requests
from belay.session.adapt import adapt
from belay.session.requests import Operation

__all__ = ["argument_lines", "describe", "plain_operation", "text_lines", "unfolded"]

_WORDS = {
    "c": "call",
    "k": "call",
    "d": "define",
    "e": "evaluate",
    "x": "run",
    "v": "run",
    "m": "batch",
    "T": "timed",
    "F": "file",
    "p": "proxy",
    "g": "generator",
    "y": "coroutine",
    "t": "trusted",
}
_CALENDAR = "<set_rtc>"
_PUT = 2
"""Of `belay.onboard.files`: path, offset, data, window, keys, …"""

_LONG = 60


def plain_operation(operation: Operation) -> Operation:
    """The operation itself, without what is sent along: extensions and releases."""
    code, args = operation.code, operation.args
    while code in (requests.USE, requests.RELEASE):
        code, args = bytes((args[-2],)), args[-1]
    return operation._replace(code=code, args=args)


def describe(operation: Operation) -> tuple[str, list[str]]:
    """A title and lines, each line with its mark: see `belay.cassettes.document`."""
    code, args = plain_operation(operation)[:2]
    letter = chr(code[0])
    word = _WORDS.get(letter, operation.extension or f"operation {letter}")
    if code == requests.TIMED:
        title, lines = describe(Operation(bytes((args[0],)), args[1]))
        return f"timed {title}", lines
    if code in (requests.CALL, requests.CALL_KEYWORDS):
        return f"{word} {args[0]}", argument_lines(args[1:])
    if code in (requests.EXECUTE, requests.VALUE, requests.DEFINE):
        return _source(code, word, args)
    if code == requests.MANY:
        lines = []
        for one, its_args in args[0]:
            title, its = describe(Operation(bytes((one,)), its_args))
            lines += [f"+ {title}", *its]
        return word, lines
    return word, argument_lines(args)


def unfolded(operation: Operation) -> Operation:
    """An operation whose pieces of files stand as they are in the file.

    Until then nobody can see what is in them. The size and the digest that travel with the last
    piece are left away: they say nothing new, but for a secret in the file that a digest helps to
    find out.
    """
    operation = plain_operation(operation)
    code, args = operation.code, operation.args
    if code == requests.MANY:
        parts = [unfolded(Operation(bytes((one,)), its)) for one, its in args[0]]
        args = ([(part.code[0], part.args) for part in parts],)
    elif code == requests.TIMED:
        inner = unfolded(Operation(bytes((args[0],)), args[1]))
        args = (inner.code[0], inner.args)
    elif code == b"F" and args[:1] == (_PUT,) and len(args) >= 6:
        args = (*args[:3], _unpacked(*args[3:6]))
    return operation._replace(args=args)


def _source(code: bytes, word: str, args: tuple[Any, ...]) -> tuple[str, list[str]]:
    tag, source, *rest = args
    if tag == _CALENDAR:  # it is full of what time it is
        source = re.sub(r"\d+", "0", source)
    name = f" {rest.pop(0)}" if code == requests.DEFINE else ""
    wanted = " value" if code == requests.VALUE else ""
    return f"{word}{name} {shown(str(tag).encode())}{wanted}", text_lines(source) + argument_lines(
        rest
    )


def argument_lines(values: Any) -> list[str]:
    """Arguments of a request as lines of it."""
    lines: list[str] = []
    for value in values:
        if isinstance(value, str) and ("\n" in value or len(value) > _LONG):
            lines += text_lines(value)
            continue
        first, *more = value_lines(value, adapt)
        lines += [f"- {first}", *(f"-.{line}" for line in more)]
    return lines


def text_lines(source: str) -> list[str]:
    """A source as lines of a request."""
    return [f"| {shown(line.encode('utf-8', 'replace'))}".rstrip() for line in source.split("\n")]


def _unpacked(data: bytes, window: int, keys: bytes | int | None) -> bytes:
    """A piece of a file as it was before it was made short for its journey.

    Undoes `belay.sync.encoding`, which stands above this package.
    """
    if isinstance(keys, bytes):
        stretched = b"".join(bytes((key,)) * 64 for key in keys)
        data = bytes(one ^ key for one, key in zip(data, stretched, strict=False))
    elif keys is not None:
        from binascii import a2b_base64

        data = a2b_base64(data)
    if window:
        with contextlib.suppress(zlib.error):
            data = zlib.decompress(data, -window)
    return data
