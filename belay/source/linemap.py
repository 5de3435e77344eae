# SPDX-License-Identifier: Apache-2.0
"""From a board's traceback to the host's files and cells.

Every source that is sent gets a short *tag*, which the board's compiler takes as its file name.
A frame ``File "a7f3", line 3`` therefore tells which source it came from, also when that was
defined long ago and called by another one.
"""

from __future__ import annotations

import itertools
import linecache
import os
import posixpath
import re
from dataclasses import dataclass

__all__ = ["HERE", "BoardFrame", "Origin", "SourceMap"]

_FRAME = re.compile(r'^ *File "(?P<tag>[^"]*)", line (?P<line>\d{1,9})(?:, in (?P<name>.*))?$')
AGENT = "<belay>"
_BUILT_IN = "/.board/"
"""Modules of the virtual board that are C on a real one, where they have no frames."""
HERE = "<device>"
"""The tag of statements that leave no code behind. The board interns every tag it sees and never
frees it, so a program that sends new statements for hours must not use up new tags for them."""

_UNNAMED = ("<string>", "<stdin>")
"""What boards call an expression, which is sent without a tag."""


@dataclass(frozen=True)
class Origin:
    """Where a source that was sent came from.

    Attributes:
        filename: file, or the name under which :mod:`linecache` knows a cell.
        first_line: the line of it at which the sent text begins.
        label: what to show in place of the file name, such as ``Cell In[3]``; or empty.
        text: the source itself, where linecache may not have it.
    """

    filename: str
    first_line: int = 1
    label: str = ""
    text: str = ""

    def line(self, number: int) -> str:
        """The source of line ``number`` of the file, stripped; empty when unknown."""
        found = linecache.getline(self.filename, number).strip()
        if not found and self.text:
            lines = self.text.split("\n")
            index = number - self.first_line
            found = lines[index].strip() if 0 <= index < len(lines) else ""
        return found


@dataclass(frozen=True)
class BoardFrame:
    """One frame of a board's traceback, in the host's words.

    Attributes:
        filename: host file, or the board's own name for what did not come from the host.
        line: line number in it.
        name: the function, or ``<module>``.
        source: that line, stripped; empty when unknown.
        label: what to show in place of the file name; or empty.
    """

    filename: str
    line: int
    name: str
    source: str = ""
    label: str = ""

    def __str__(self) -> str:
        where = self.label if self.label else f'File "{self.filename}"'
        text = f"  {where}, line {self.line}, in {self.name}"
        return f"{text}\n    {self.source}" if self.source else text


class SourceMap:
    """The origins of everything one Device has sent.

    Args:
        prefix: begins the tags; differs between sessions, so that a function that stayed on the
            board from an earlier one is not taken for a new one.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._origins: dict[str, Origin] = {}
        self._tags: dict[Origin, str] = {}
        self._folders: list[tuple[str, str]] = []
        self._numbers = itertools.count()

    def add(self, origin: Origin) -> str:
        """Register a source; return its tag. The same source again has the same tag."""
        tag = self._tags.setdefault(origin, f"{self._prefix}{next(self._numbers):x}")
        self._origins[tag] = origin
        return tag

    def origins(self) -> list[Origin]:
        """Where everything came from that has been registered, in that order."""
        return list(self._origins.values())

    def add_folder(self, board: str, host: str | os.PathLike[str]) -> None:
        """Let files of the board be shown as the files of the host that they are copies of.

        Args:
            board: a folder or a file on the board, absolute.
            host: the same on the host. Of nested ones the last that was added counts.
        """
        copy = (posixpath.normpath(board), os.path.abspath(host))
        if copy in self._folders:
            self._folders.remove(copy)
        self._folders.insert(0, copy)

    def frames(
        self, traceback: str, here: Origin | None = None
    ) -> tuple[tuple[BoardFrame, ...], str]:
        """Take a board's traceback apart.

        Args:
            traceback: the text from the board.
            here: the source that was running, where it was sent without a tag of its own.

        Returns:
            Its frames, outermost first and without the agent's own, and the text behind them:
            the exception's type and message.
        """
        frames: list[BoardFrame] = []
        rest: list[str] = []
        for line in traceback.replace("\r\n", "\n").split("\n"):
            match = _FRAME.match(line)
            if match:
                if match["tag"] != AGENT and not match["tag"].startswith(_BUILT_IN):
                    # Deeper down, an unnamed source is what a program itself evaluates.
                    mine = match["tag"] == HERE or (not frames and match["tag"] in _UNNAMED)
                    frames.append(self._frame(match, here if mine else None))
                rest.clear()
            elif not line.startswith("Traceback (most recent call last)"):
                rest.append(line)
        return tuple(frames), "\n".join(rest).strip("\n")

    def translate(
        self, traceback: str, here: Origin | None = None
    ) -> tuple[str, tuple[BoardFrame, ...]]:
        """A board's traceback with the host's files, lines and source in it; see :meth:`frames`.

        Returns:
            The text, and its frames.
        """
        frames, message = self.frames(traceback, here)
        shown = [str(frame) for frame in frames]
        if shown:
            shown.insert(0, "Traceback (most recent call last):")
        return "\n".join([*shown, message]) + "\n", frames

    def _frame(self, match: re.Match[str], here: Origin | None) -> BoardFrame:
        origin = here or self._origins.get(match["tag"]) or self._copy_of(match["tag"])
        number, name = int(match["line"]), match["name"] or "<module>"
        if origin is None:
            return BoardFrame(match["tag"], number, name)
        line = origin.first_line + number - 1
        return BoardFrame(origin.filename, line, name, origin.line(line), origin.label)

    def _copy_of(self, name: str) -> Origin | None:
        """The host's file that a file of the board is a copy of."""
        # A module that was found through the empty entry of sys.path has no slash in front.
        path = posixpath.normpath(posixpath.join("/", name))
        for board, host in self._folders:
            inside = path[len(board) :].lstrip("/") if board != "/" else path.lstrip("/")
            if path != board and not path.startswith(board.rstrip("/") + "/"):
                continue
            found = os.path.join(host, *inside.split("/")) if inside else host
            if os.path.isfile(found):
                return Origin(found)
        return None
