# SPDX-License-Identifier: Apache-2.0
"""Where the body of a ``%%device`` cell stands in the notebook, so that errors can point at it."""

from __future__ import annotations

import linecache
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["CellSource", "RunningCells", "locate"]


@dataclass(frozen=True)
class CellSource:
    """Where a piece of source stands.

    Attributes:
        filename: the name under which :mod:`linecache` knows the text around it.
        first_line: the line of that text at which the piece begins.
        label: what tracebacks call it, such as ``Cell In[3]``.
        text: the piece.
    """

    filename: str
    first_line: int
    label: str
    text: str = ""


def locate(body: str, raw_cell: str) -> int | None:
    """The line of a cell, from 1, at which the body of its cell magic begins.

    The first line of ``%%device`` is not always line 1: empty lines may stand before it, or
    another cell magic such as ``%%time``. IPython strips the first and runs the second before the
    magic sees anything, so the body is looked for at the end of what the user typed. That may be
    all of it: where every cell runs on the board, none says so.

    Args:
        body: what the magic was given.
        raw_cell: what the user typed.

    Returns:
        The line, or None when the cell does not end with this body.
    """
    # IPython takes the indentation of the first line away from all lines.
    wanted = [line.strip() for line in body.rstrip().splitlines()]
    typed = [line.strip() for line in raw_cell.rstrip().splitlines()]
    first = len(typed) - len(wanted)
    if not wanted or first < 0 or typed[first:] != wanted:
        return None
    return first + 1


def locate_in_line(code: str, raw_cell: str) -> int | None:
    """The first line of a cell, from 1, that is a magic with this code behind it."""
    for number, line in enumerate(raw_cell.splitlines(), 1):
        if "%" in line and line.rstrip().endswith(code):
            return number
    return None


class RunningCells:
    """Remembers what the user typed into the cell that runs.

    A cell magic is only given its body. IPython's events say what stands around it; they nest,
    because magics such as ``%%capture`` run their body as a cell.

    Args:
        shell: the IPython that runs the cells.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self._shell = shell
        self._running: list[str] = []

    def watch(self) -> None:
        """Follow the shell's events."""
        self._shell.events.register("pre_run_cell", self._begin)
        self._shell.events.register("post_run_cell", self._end)

    def unwatch(self) -> None:
        """Stop following them."""
        self._shell.events.unregister("pre_run_cell", self._begin)
        self._shell.events.unregister("post_run_cell", self._end)
        self._running.clear()

    def _begin(self, info: Any) -> None:
        self._running.append(info.raw_cell)

    def _end(self, result: Any) -> None:
        if self._running:  # the cell that loads the extension ends without having begun
            self._running.pop()

    def source(self, body: str, *, in_line: bool = False) -> CellSource:
        """Say where the code of the magic that runs now stands, and let linecache know it.

        Args:
            body: the code.
            in_line: it is the rest of a line, as in ``%device 1 + 1``.
        """
        # The shell's own counter has already moved on in newer IPythons, not in older ones.
        number = self._shell.displayhook.prompt_count
        for raw_cell in self._running:  # outermost first: that is the one on the screen
            first_line = (locate_in_line if in_line else locate)(body, raw_cell)
            if first_line is not None:
                return _remember(raw_cell, number, first_line, f"Cell In[{number}]", body)
        # Given by a program: run_cell_magic("device", "", text).
        return _remember(body, number, 1, f"Text in Cell In[{number}]", body)


def _remember(text: str, number: int, first_line: int, label: str, body: str) -> CellSource:
    filename = f"<cell {number} {zlib.crc32(text.encode('utf-8', 'replace')):08x}>"
    lines = [f"{line}\n" for line in text.splitlines()]
    # Without a modification time, linecache.checkcache() leaves the entry alone.
    linecache.cache[filename] = (len(text), None, lines, filename)
    return CellSource(filename, first_line, label, body)
