# SPDX-License-Identifier: Apache-2.0
"""One line below a cell that tells how far something is, and in the end what was done."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING, Any

from belay_jupyter.output import say

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["CellLine", "SyncLine"]

_PATIENCE = 0.3
"""Seconds until the first line: what is done by then needs none."""

_PAUSE = 0.2
"""Seconds between two lines: each is a message, and one line of a notebook's file in the end."""


class CellLine:
    """A line that changes. What takes no time shows only what was done.

    In a notebook it is a display that is updated, so that the notebook's file, and what nbconvert
    makes of it, has the last line alone. At a terminal it is written over itself.

    Args:
        shell: the notebook.
        label: what stands in front of it, such as the name of a board; may be empty.
    """

    def __init__(self, shell: InteractiveShell, label: str = "") -> None:
        self._in_notebook = hasattr(shell, "kernel")
        self._label = f"[{label}] " if label else ""
        self._next = time.monotonic() + _PATIENCE
        self._handle: Any = None
        self._width = 0

    def show(self, text: str) -> None:
        """Tell how far it is; not every time, since that would take longer than what is done."""
        now = time.monotonic()
        if now >= self._next:
            self._next = now + _PAUSE
            self._write(self._label + text)

    def end(self, text: str) -> None:
        """Tell what was done."""
        text = self._label + text
        if self._in_notebook:
            self._write(text)
        else:
            self.leave()
            say(text)

    def leave(self) -> None:
        """Something else follows, such as an error."""
        if self._width:
            sys.stderr.write("\r" + " " * self._width + "\r")
            self._width = 0

    def _write(self, text: str) -> None:
        if not self._in_notebook:
            if sys.stderr.isatty():
                sys.stderr.write("\r" + text.ljust(self._width))
                sys.stderr.flush()
                self._width = max(self._width, len(text))
            return
        data = {"text/plain": text}
        if self._handle is not None:
            self._handle.update(data, raw=True)
            return
        from IPython.display import display

        self._handle = display(data, raw=True, display_id=True)


class SyncLine:
    """Tells how far a sync is, as ``progress_update``.

    Args:
        line: where.
    """

    def __init__(self, line: CellLine) -> None:
        self._line = line
        self._description, self._total, self._done = "", 0, 0.0

    def __call__(
        self, *, description: str | None = None, total: int | None = None, advance: float = 0
    ) -> None:
        """Called with keywords of ``rich.progress.Progress.update``."""
        self._description = self._description if description is None else description
        self._total = self._total if total is None else total
        self._done += advance
        part = int(100 * self._done / self._total + 1e-6) if self._total else 0
        counted = f"{part} % of {self._total} files. " if self._total else ""
        self._line.show(counted + self._description)
