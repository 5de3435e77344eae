# SPDX-License-Identifier: Apache-2.0
"""Types at a board's prompt what the user typed, pasted, or found among older lines."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Callable

from belay.terminal.history import LineHistory, Walk
from belay.terminal.prompt import CONTINUED, FRESH, PASTING, PromptLine
from belay.terminal.strokes import Pasted, Stroke, Typed, Walked

__all__ = ["Typist"]

_ENTER, _INTERRUPT, _PASTE, _FINISH, _DELETE, _TO_END = (
    b"\r", b"\x03", b"\x05", b"\x04", b"\x7f", b"\x1b[F",
)  # fmt: skip

_ECHO = 2.0
"""Seconds that a board has to show the next line's prompt in its paste mode."""

_LAG = 0.3
"""Seconds that a board has to show the last key before an arrow key is taken as it stands."""

_NOT_TEXT = re.compile(rb"[\x00-\x08\x0b-\x1f\x7f]")


class Typist:
    """What stands between the user's keys and the board.

    Args:
        write: takes bytes for the board.
        history: older lines; None leaves the arrow keys to the board.

    Attributes:
        line: the line on the screen; to be fed with what the board sends.
    """

    def __init__(self, write: Callable[[bytes], None], history: LineHistory | None) -> None:
        self._write = write
        self._history = history
        self._walk: Walk | None = None
        self._entered = 0
        self._unseen = 0
        self._fed = -1
        self.line = PromptLine(self._ended)

    def do(self, stroke: Stroke) -> None:
        """Carry out what the user did."""
        if isinstance(stroke, Typed):
            self._type(stroke.data)
        elif isinstance(stroke, Pasted):
            self._paste(stroke.text)
        elif isinstance(stroke, Walked):
            self._recall(stroke)

    def _type(self, data: bytes) -> None:
        self._walk = None
        self._entered = 0 if _INTERRUPT in data else self._entered + data.count(_ENTER)
        after = data.rfind(_ENTER)
        self._unseen = len(data) + (self._unseen if after < 0 else 0)
        self._fed = self.line.fed
        self._write(data)

    def _ended(self, prompt: str, text: str) -> None:
        """A line at a prompt was ended: by the user, or else a program prints such lines."""
        if self._history is None or not self._entered or prompt == PASTING:
            return
        self._entered -= 1
        self._history.add(text.lstrip() if prompt == CONTINUED else text)

    # ---------------------------------------------------------------------------- older lines

    def _recall(self, stroke: Walked) -> None:
        line = self.line
        if self._history is not None and self._walk is None:
            line.wait_for_more(self._fed, _LAG)  # what was typed just now
        if self._history is None or line.prompt not in (FRESH, CONTINUED):
            self._type(stroke.key)
            return
        if self._walk is None:
            text = line.text
            self._walk = self._history.walk(text if text.strip() else "")
        walk = self._walk
        found = walk.older() if stroke.older else walk.newer()
        if found is not None:
            self._erase()
            self._write(found.encode())
            self._unseen = len(found.encode())

    def _erase(self) -> None:
        """Empty the board's line. More deletions than it has characters do no harm."""
        if not self.line.at_end:
            self._write(_TO_END)
        if count := self.line.length + self._unseen:
            self._write(_DELETE * count)

    # ---------------------------------------------------------------------------- pasting

    def _paste(self, pasted: bytes) -> None:
        """Text with several lines goes through the board's paste mode, which indents nothing."""
        text = _NOT_TEXT.sub(b"", pasted.replace(b"\r\n", b"\n").replace(b"\r", b"\n"))
        if self.line.prompt != FRESH or b"\n" not in text.rstrip(b"\n"):
            self._type(text.replace(b"\n", _ENTER))
            return
        begun = self.line.text.encode() if self.line.text.strip() else b""
        self._walk = None
        if self.line.text:
            self._erase()
            self.line.wait_for(FRESH, _ECHO)
        lines = (begun + _dedented(text)).split(b"\n")
        self._write(_PASTE)
        in_step = self.line.wait_for(PASTING, _ECHO)
        for number, line in enumerate(lines):
            last = number == len(lines) - 1
            ended = self.line.ended
            self._write(line if last else line + _ENTER)
            # Boards buffer little: the next line is sent when this one has been read.
            if in_step and not last:
                in_step = self.line.wait_for(PASTING, _ECHO, after=ended)
        self._write(_FINISH)


def _dedented(text: bytes) -> bytes:
    return textwrap.dedent(text.decode("utf-8", "replace")).rstrip("\n").encode() + b"\n"
