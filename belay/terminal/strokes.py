# SPDX-License-Identifier: Apache-2.0
"""From the bytes of a keyboard to what the user did: typed, pasted, asked for an older line."""

from __future__ import annotations

import re
from typing import NamedTuple

__all__ = ["PASTE_OFF", "PASTE_ON", "Asked", "Pasted", "Stroke", "Strokes", "Typed", "Walked"]

PASTE_ON, PASTE_OFF = b"\x1b[?2004h", b"\x1b[?2004l"
"""What lets a terminal put marks around pasted text, and what ends it (bracketed paste)."""

_BEGIN, _END = b"\x1b[200~", b"\x1b[201~"
_UP = (b"\x1b[A", b"\x1bOA")
_DOWN = (b"\x1b[B", b"\x1bOB")


class Typed(NamedTuple):
    """Keys for the board."""

    data: bytes


class Pasted(NamedTuple):
    """Text that came from the clipboard, all of it."""

    text: bytes


class Walked(NamedTuple):
    """The key for an older line, or for a newer one."""

    older: bool
    key: bytes


class Asked(NamedTuple):
    """A key that means something to the terminal."""

    key: bytes


Stroke = Typed | Pasted | Walked | Asked


class Strokes:
    """Finds keys in what a keyboard sends, wherever it is cut.

    Args:
        keys: the single bytes that mean something to the terminal.
    """

    def __init__(self, keys: bytes) -> None:
        special = [*_UP, *_DOWN, _BEGIN]
        self._longer = {text[:n] for text in special for n in range(1, len(text))}
        alternatives = [re.escape(text) for text in special]
        if keys:
            alternatives.append(b"[" + re.escape(keys) + b"]")
        self._special = re.compile(b"|".join(alternatives))
        self._rest = b""
        self._pasting: bytes | None = None

    @property
    def waiting(self) -> bool:
        """Whether more bytes may change what the last ones mean: ask again soon, then `flush`."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[Stroke]:
        """What these bytes mean."""
        data = self._rest + data
        self._rest = b""
        strokes: list[Stroke] = []
        while data:
            if self._pasting is not None:
                data = self._paste(data, strokes)
                continue
            found = self._special.search(data)
            before = data if found is None else data[: found.start()]
            if found is None:
                before = self._hold(before)
            if before:
                strokes.append(Typed(before))
            if found is None:
                break
            data = data[found.end() :]
            self._found(found[0], strokes)
        return strokes

    def flush(self) -> list[Stroke]:
        """No more came: a lone Escape is a key."""
        rest, self._rest = self._rest, b""
        return [Typed(rest)] if rest else []

    def _hold(self, data: bytes) -> bytes:
        """Keep back what may be the beginning of a key."""
        start = data.rfind(b"\x1b", -5)
        if start >= 0 and data[start:] in self._longer:
            data, self._rest = data[:start], data[start:]
        return data

    def _found(self, key: bytes, strokes: list[Stroke]) -> None:
        if key == _BEGIN:
            self._pasting = b""
        elif key in _UP or key in _DOWN:
            strokes.append(Walked(key in _UP, key))
        else:
            strokes.append(Asked(key))

    def _paste(self, data: bytes, strokes: list[Stroke]) -> bytes:
        """Gather pasted text; returns what stands behind it."""
        pasted, end, after = ((self._pasting or b"") + data).partition(_END)
        if end:
            strokes.append(Pasted(pasted))
            self._pasting = None
            return after
        self._pasting = pasted
        return b""
