# SPDX-License-Identifier: Apache-2.0
"""Where text goes that is not simply printed: labelled by board, or to a cell that has ended."""

from __future__ import annotations

import atexit
import sys
import threading
from typing import TYPE_CHECKING, Any, TextIO

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["CellDisplay", "CellText", "Labelled", "say"]


def say(text: str) -> None:
    """Tell the user something: on stderr, for stdout is the board's."""
    print(text, file=sys.stderr)


class Labelled:
    """Takes what one of several boards prints; gives it out by whole lines, with its name.

    One thread writes and another one takes.

    Args:
        name: the board's.
        width: of the longest name.
    """

    def __init__(self, name: str, width: int) -> None:
        self._label = f"[{name}]".ljust(width + 2) + " "
        self._lock = threading.Lock()
        self._text = ""

    def write(self, text: str) -> None:
        """Take some text."""
        with self._lock:
            self._text += text

    def taken(self, *, rest: bool = False) -> str:
        """The lines that are complete by now.

        Args:
            rest: also the last one, which nothing has ended.
        """
        with self._lock:
            end = max(self._text.rfind("\n"), self._text.rfind("\r")) + 1
            text, self._text = self._text[:end], self._text[end:]
            if rest and self._text:
                text, self._text = f"{text}{self._text}\n", ""
        lines = text.replace("\r\n", "\n").splitlines(keepends=True)
        return "".join(self._label + line for line in lines)


_PIECE = 15_000
"""Characters of one message: longer ones are not copied by ZeroMQ, and hold up a kernel's end."""


class _Ending(threading.Event):
    """Set when this process ends: what is sent to the notebook from then on fails, noisily."""

    watched = False


_ending = _Ending()


class CellText:
    """Text that belongs to the cell in which this was made, also when that has ended.

    Outside of notebooks, and where the output is being redirected, it is the stream of that time.

    Args:
        shell: the notebook.
        name: ``stdout`` or ``stderr``.
    """

    def __init__(self, shell: InteractiveShell, name: str) -> None:
        self._stream: Any = getattr(sys, name)
        self._name = name
        self._lock = threading.Lock()
        self._waiting = ""
        # What ipykernel's streams have. The thread that sends for all of them is asked to.
        self._thread = getattr(self._stream, "pub_thread", None)
        self._session = getattr(self._stream, "session", None)
        self._parent = _parent_of(shell) if self._thread is not None else None
        if not _ending.watched:
            _ending.watched = True
            atexit.register(_ending.set)

    def write(self, text: str) -> None:
        """Show text in the cell, from any thread."""
        if self._parent is None or self._thread is None or self._session is None:
            stream: TextIO = self._stream
            stream.write(text)
            stream.flush()
            return
        if _ending.is_set():
            return
        with self._lock:
            scheduled, self._waiting = bool(self._waiting), self._waiting + text
        if not scheduled:
            self._thread.schedule(self._send)

    def _send(self) -> None:
        with self._lock:
            text, self._waiting = self._waiting, ""
        for start in range(0, len(text), _PIECE):
            content = {"name": self._name, "text": text[start : start + _PIECE]}
            self._message("stream", content)

    def display(self, data: dict[str, Any], metadata: dict[str, Any]) -> None:
        """Show a value in the cell, as ``display`` does."""
        if self._parent is None or self._thread is None:
            self.write(str(data.get("text/plain", "")) + "\n")
            return
        content = {"data": data, "metadata": metadata, "transient": {}}
        self._thread.schedule(lambda: self._message("display_data", content))

    def update(self, data: dict[str, Any], display_id: str) -> None:
        """Replace what was displayed under this id, from any thread."""
        if self._parent is None or self._thread is None:
            return
        content = {"data": data, "metadata": {}, "transient": {"display_id": display_id}}
        self._thread.schedule(lambda: self._message("update_display_data", content))

    def _message(self, kind: str, content: dict[str, Any]) -> None:
        assert self._session is not None
        if _ending.is_set():
            return
        topic = getattr(self._stream, "topic", None)
        self._session.send(self._thread, kind, content=content, parent=self._parent, ident=topic)


class CellDisplay:
    """The streams of one cell, and a place for its value.

    Args:
        shell: the notebook.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self.out = CellText(shell, "stdout")
        self.err = CellText(shell, "stderr")

    def value(self, value: Any) -> None:
        """Show a value; None shows nothing."""
        formatter = self._shell.display_formatter
        if value is None or formatter is None:
            return
        data, metadata = formatter.format(value)
        self.out.display(data, metadata)


def _parent_of(shell: InteractiveShell) -> Any:
    """The header of the message that asked for the cell which runs now."""
    parent: Any = getattr(shell, "get_parent", dict)()
    return parent.get("header", parent) if parent else None
