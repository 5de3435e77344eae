# SPDX-License-Identifier: Apache-2.0
"""What stands at the board's prompt, read from what the board sends to the screen.

The board edits its line itself and tells the screen about it: characters, backspaces, and three
kinds of escape sequences. Following them gives the line that the user sees, so that a line can be
remembered when it is ended and replaced by an older one. Sans-I/O.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

__all__ = ["CONTINUED", "FRESH", "PASTING", "PromptLine"]

FRESH, CONTINUED, PASTING = ">>> ", "... ", "=== "
_PROMPTS = (FRESH, CONTINUED, PASTING)

_MOST = 4096
"""Longer lines are output, and no line that anybody edits."""

_PARTS = re.compile(
    rb"\x1b\[(?P<number>[\d;?]*)(?P<move>[A-Za-z~])|\x1b[^\[]"
    rb"|(?P<text>[^\x00-\x1f\x7f]+)|(?P<control>[\x00-\x1f\x7f])"
)
_UNFINISHED = re.compile(rb"\x1b(\[[\d;?]*)?$")


class PromptLine:
    """The last line of a screen.

    Args:
        on_line: called with the prompt and the text of every line that ended at a prompt.

    Attributes:
        ended: how many lines have ended.
        fed: how often something came.
    """

    def __init__(self, on_line: Callable[[str, str], None] = lambda prompt, text: None) -> None:
        self._on_line = on_line
        self._line = b""
        self._cursor = 0
        self._rest = b""
        self._changed = threading.Condition()
        self.ended = 0
        self.fed = 0

    @property
    def prompt(self) -> str:
        """The prompt that the line begins with; empty where it is none."""
        found = self._line[:4].decode("ascii", "replace")
        return found if found in _PROMPTS else ""

    @property
    def text(self) -> str:
        """What stands behind the prompt."""
        return self._line[4:].decode("utf-8", "replace") if self.prompt else ""

    @property
    def length(self) -> int:
        """Bytes of :attr:`text`."""
        return max(0, len(self._line) - 4) if self.prompt else 0

    @property
    def at_end(self) -> bool:
        """Whether the cursor stands behind the text."""
        return self._cursor == len(self._line)

    def feed(self, data: bytes) -> None:
        """Take what the board sent."""
        with self._changed:
            data = self._rest + data
            self._rest = b""
            if found := _UNFINISHED.search(data):
                data, self._rest = data[: found.start()], found[0]
            for part in _PARTS.finditer(data):
                if part["text"] is not None:
                    self._put(part["text"])
                elif part["control"] is not None:
                    self._control(part["control"])
                elif part["move"] is not None:
                    self._move(part["move"], part["number"])
            self.fed += 1
            self._changed.notify_all()

    def wait_for(self, prompt: str, timeout: float, *, after: int = -1) -> bool:
        """Wait until an empty line with this prompt stands there.

        Args:
            prompt: the prompt.
            timeout: seconds.
            after: how many lines must have ended, and one more.

        Returns:
            False at the timeout.
        """
        wanted = prompt.encode()
        with self._changed:
            return self._changed.wait_for(
                lambda: self._line == wanted and self.ended > after, timeout
            )

    def wait_for_more(self, fed: int, timeout: float) -> bool:
        """Wait until something has come since :attr:`fed` was that; False at the timeout."""
        with self._changed:
            return self._changed.wait_for(lambda: self.fed > fed, timeout)

    def _put(self, text: bytes) -> None:
        if len(self._line) > _MOST:
            self._line, self._cursor = b"", 0
        end = self._cursor + len(text)
        self._line = self._line[: self._cursor] + text + self._line[end:]
        self._cursor = end

    def _control(self, code: bytes) -> None:
        if code == b"\b":
            self._cursor = max(0, self._cursor - 1)
        elif code == b"\r":
            self._cursor = 0
        elif code == b"\n":
            prompt, text = self.prompt, self.text
            self.ended += 1
            self._line, self._cursor = b"", 0
            if prompt:
                self._on_line(prompt, text)

    def _move(self, kind: bytes, number: bytes) -> None:
        count = int(number) if number.isdigit() else 1
        if kind == b"D":
            self._cursor = max(0, self._cursor - count)
        elif kind == b"C":
            self._cursor = min(len(self._line), self._cursor + count)
        elif kind == b"K" and number in (b"", b"0"):
            self._line = self._line[: self._cursor]
        elif kind == b"K":
            self._line = b" " * self._cursor if number == b"1" else b""
