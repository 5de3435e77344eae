# SPDX-License-Identifier: Apache-2.0
"""Lines that were typed at a board's prompt, kept from one terminal to the next."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["LineHistory", "Walk", "default_path"]

_KEPT = 1000


def default_path() -> Path:
    """The user's history file."""
    from platformdirs import user_state_path

    return user_state_path("belay", appauthor=False) / "terminal-history"


class LineHistory:
    """Lines, oldest first. A line that begins with a space is nobody's business and not kept.

    Args:
        path: the file that keeps them; None keeps them in memory.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path
        self.lines: list[str] = []
        if path is not None:
            with contextlib.suppress(OSError):
                self.lines = path.read_text("utf-8", "replace").splitlines()
            if len(self.lines) > 2 * _KEPT:
                self.lines = self.lines[-_KEPT:]
                self._rewrite(path)

    def add(self, line: str) -> None:
        """Keep a line, unless it is empty, or the same as the last one, or begins with a space."""
        line = line.rstrip()
        if not line or line[0] == " " or not line.isprintable() or line in self.lines[-1:]:
            return
        self.lines.append(line)
        if self._path is None:
            return
        with contextlib.suppress(OSError):  # a history that cannot be kept is no reason to stop
            self._path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND
            with open(os.open(self._path, flags, 0o600), "a", encoding="utf-8") as file:
                file.write(line + "\n")

    def walk(self, begin: str) -> Walk:
        """A walk through the lines that begin like this."""
        fitting = (line for line in self.lines if line.startswith(begin) and line != begin)
        return Walk(list(fitting), begin)

    def _rewrite(self, path: Path) -> None:
        with contextlib.suppress(OSError):
            handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
            with open(handle, "w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in self.lines)
            os.replace(name, path)


class Walk:
    """Up and down through older lines, and back to the one that was begun."""

    def __init__(self, lines: list[str], begun: str) -> None:
        # Each line once, where it was typed last.
        self._lines = [*reversed(dict.fromkeys(reversed(lines))), begun]
        self._place = len(self._lines) - 1

    def older(self) -> str | None:
        """The line before; None where there is none."""
        if self._place == 0:
            return None
        self._place -= 1
        return self._lines[self._place]

    def newer(self) -> str | None:
        """The line after; None where there is none."""
        if self._place == len(self._lines) - 1:
            return None
        self._place += 1
        return self._lines[self._place]
