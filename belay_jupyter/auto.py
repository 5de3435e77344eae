# SPDX-License-Identifier: Apache-2.0
"""Which cells run on the board without saying so, and how they come to be ``%%device`` cells.

IPython rewrites the text of every cell before it runs it. Here it learns three more things:

- a cell that begins with the comment ``# %%device`` is a ``%%device`` cell. Editors that do not
  know cell magics then see ordinary Python, and help with it;
- a cell that begins with ``%%host`` is what stands below that line, for this computer;
- with ``%belay_auto on``, all other cells run on the board. Lines at their top that begin with
  ``%`` or ``!`` run on this computer before.
"""

from __future__ import annotations

import re
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from IPython.core.interactiveshell import InteractiveShell

__all__ = ["Auto", "forget", "of"]

_COMMENT_FORM = re.compile(r"#\s*(%%device(?=\s|$).*)", re.DOTALL)
_HOST = re.compile(r"(#\s*)?%%host\s*$")
_RUNS_CODE = re.compile(r"%%(time|timeit|capture|prun)\b")
_HELP = re.compile(r"\?{1,2}[\w.%]+\s*$|[\w.%]+\?{1,2}\s*$")


class Auto:
    """Rewrites cells, for one IPython.

    Attributes:
        on: whether cells run on the board that do not say where.
        target: the board on which they run then, as behind ``-t``; empty for the current one.
    """

    def __init__(self) -> None:
        self.on = False
        self.target = ""

    def goes_to_board(self, code: str) -> bool:
        """Whether a cell, or what stands below ``%`` lines at its top, runs on the board."""
        lines = code.splitlines(keepends=True)
        first = _first(lines)
        if first is None:
            return False
        if lines[first].startswith("%%device") or _COMMENT_FORM.match(lines[first]):
            return True
        return self.on and _below_host_lines(lines, first) is not None

    def body_line(self, code: str) -> int | None:
        """The index of the line at which the board's part of a cell begins; None without one."""
        lines = code.splitlines(keepends=True)
        first = _first(lines)
        if first is None or not self.goes_to_board(code):
            return None
        if lines[first].startswith("%%device") or _COMMENT_FORM.match(lines[first]):
            return first + 1
        return _below_host_lines(lines, first)

    def transform(self, lines: list[str]) -> list[str]:
        """What IPython calls for every cell: the lines that it is to run in their place."""
        first = _first(lines)
        if first is None:
            return lines
        line = lines[first]
        if marked := _COMMENT_FORM.match(line):
            return [marked[1], *lines[first + 1 :]]
        if _HOST.match(line):
            return [*lines[:first], *_for_here(lines[first + 1 :])]
        if not self.on:
            return lines
        begin = _below_host_lines(lines, first)
        if begin is None:
            return lines
        options = f"-t {self.target}" if self.target else ""
        if not any(line.strip() for line in lines[:begin]):
            return [f"%%device {options}\n", *lines]
        body = "".join(lines[begin:])
        call = f"get_ipython().run_cell_magic('device', {options!r}, {body!r})\n"
        return [*lines[:begin], call]


def _for_here(lines: list[str]) -> list[str]:
    """What stands below ``%%host``, in as many lines as with it.

    A magic that runs code gives its code to IPython once more, so that has to say it then.
    """
    second = _first(lines)
    if second is None or not _RUNS_CODE.match(lines[second]):
        return ["\n", *lines]
    return [lines[second], "%%host\n", *lines[:second], *lines[second + 1 :]]


def _first(lines: list[str]) -> int | None:
    """The index of the first line that is not empty."""
    return next((index for index, line in enumerate(lines) if line.strip()), None)


def _below_host_lines(lines: list[str], first: int) -> int | None:
    """Where the board's part of a cell begins that does not say where it runs; or None."""
    if lines[first].startswith("%%") or _HOST.match(lines[first]):
        return None
    if first == len(lines) - 1 and _HELP.match(lines[first]):
        return None
    index = first
    while index < len(lines) and (lines[index][0] in "%!" or not lines[index].strip()):
        index += 1
    return index if index < len(lines) else None


_known: weakref.WeakKeyDictionary[InteractiveShell, Auto] = weakref.WeakKeyDictionary()


def of(shell: InteractiveShell) -> Auto:
    """The one of an IPython, made when it is first asked for."""
    if shell not in _known:
        _known[shell] = Auto()
    return _known[shell]


def forget(shell: InteractiveShell) -> None:
    """Begin anew with this IPython."""
    _known.pop(shell, None)
