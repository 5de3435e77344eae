# SPDX-License-Identifier: Apache-2.0
"""Where what a board prints goes, and where what it asks for comes from."""

from __future__ import annotations

import builtins
import codecs
import sys
from collections.abc import Callable
from typing import Any, Protocol

from belay.session.conversation import OutputHandler

__all__ = ["STDOUT", "InputLines", "OutputHandler", "TextSink", "handler"]


class TextSink(Protocol):
    """What printed text can be written to: any text file, or less."""

    def write(self, text: str, /) -> object:
        """Take some text."""


class _Stdout:
    """Stands for ``sys.stdout`` as it is when text arrives, not when a function was defined."""

    def write(self, text: str, /) -> object:
        return sys.stdout.write(text)

    def flush(self) -> None:
        sys.stdout.flush()

    def isatty(self) -> bool:
        return sys.stdout.isatty()


STDOUT: TextSink = _Stdout()


def handler(sink: TextSink | None) -> OutputHandler:
    """Bytes from the board to text for the sink, also when a character comes in two parts."""
    if sink is None:
        return _discard
    decode = codecs.getincrementaldecoder("utf-8")("replace").decode
    write = sink.write
    isatty: Callable[[], bool] | None = getattr(sink, "isatty", None)
    flush: Callable[[], object] | None = None

    def handle(data: bytes) -> None:
        nonlocal flush, isatty
        text = decode(data)
        if text:
            write(text)
        if isatty is not None:
            # Asked once something is printed: most calls print nothing.
            flush = getattr(sink, "flush", None) if isatty() else None
            isatty = None
        if flush is not None and not text.endswith("\n"):
            flush()

    return handle


def _discard(data: bytes) -> None:
    """The handler of a call whose output nobody wants."""


class InputLines:
    """What a board's ``input()`` and ``sys.stdin`` read: lines that the host gives.

    Args:
        source: called without arguments for each line, as ``input`` is; or an object with
            ``readline``, such as a file. None asks ``input``, whatever that is by then: in a
            notebook it is the notebook's.
    """

    def __init__(self, source: Any = None) -> None:
        self.source = source
        self._rest = b""

    def __call__(self, room: int) -> bytes:
        """At most ``room`` bytes of the current line; empty at the end of the input.

        Raises:
            TypeError: the source gave no str.
        """
        if not self._rest:
            self._rest = self._next().encode()
        part, self._rest = self._rest[:room], self._rest[room:]
        return part

    def _next(self) -> str:
        readline = getattr(self.source, "readline", None)
        if callable(readline):
            return self._checked(readline())
        sys.stdout.flush()  # the prompt, which the board has printed
        try:
            line = self._checked((self.source or builtins.input)())
        except EOFError:
            return ""
        return line if line.endswith("\n") else f"{line}\n"

    def _checked(self, line: object) -> str:
        if isinstance(line, str):
            return line
        raise TypeError(f"stdin={self.source!r} gave {line!r} for a line; it must give a str")
