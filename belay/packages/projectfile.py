# SPDX-License-Identifier: Apache-2.0
"""The text of a ``pyproject.toml``: its ``[tool.belay]``, and where each key stands.

What the keys mean: :mod:`belay.packages.project`. Edits: :mod:`belay.packages.edits`.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from belay.errors import ProjectError
from belay.packages.writing import write_whole

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

__all__ = ["TABLE", "ProjectFile", "parse", "places"]

TABLE = ("tool", "belay")
_LINE = re.compile(r"\(at line (\d+)")
_KEY = r"""(?:[A-Za-z0-9_-]+|"(?:[^"\\\n]|\\.)*"|'[^'\n]*')"""
_KEYS = re.compile(rf"\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*=")
_HEADER = re.compile(rf"\s*(\[\[?)\s*({_KEY}(?:\s*\.\s*{_KEY})*)\s*\]\]?\s*(?:#.*)?$")


class ProjectFile:
    """A ``pyproject.toml`` as it stands on the disk.

    Args:
        path: of the file.
        text: that it is to have; what it has by default.

    Attributes:
        text: of the file, as it is.
        tables: all that it says.
        table: ``[tool.belay]``; empty if there is none.

    Raises:
        ProjectError: it cannot be read, or is no TOML.
    """

    def __init__(self, path: Path, text: str | None = None) -> None:
        self.path = path
        try:
            self.text = path.read_bytes().decode("utf-8") if text is None else text
        except OSError as error:
            raise ProjectError(f"cannot be read: {error.strerror}", path=str(path)) from error
        except UnicodeDecodeError as error:
            line = error.object.count(b"\n", 0, error.start) + 1
            raise ProjectError("is not UTF-8 text", path=str(path), line=line) from error
        try:
            tables = parse(self.text)
        except tomllib.TOMLDecodeError as error:
            found = _LINE.search(str(error))
            line = int(found.group(1)) if found else 0
            raise ProjectError(f"is no TOML: {error}", path=str(path), line=line) from error
        tool = tables.get("tool", {})
        table = tool.get("belay", {}) if isinstance(tool, dict) else {}
        if not isinstance(table, dict):
            raise self.error("[tool.belay] must be a table")
        self.tables = tables
        self.table: dict[str, Any] = table

    def line(self, *keys: str) -> int:
        """The line, from 1, of a key below ``[tool.belay]``; of what holds it where it has none."""
        wanted = (*TABLE, *keys)
        best, found = 0, 0
        for number, path in places(self.text):
            if len(path) > best and path == wanted[: len(path)]:
                best, found = len(path), number
        return found

    def error(self, message: str, *keys: str) -> ProjectError:
        """An error about a key below ``[tool.belay]``."""
        return ProjectError(message, path=str(self.path), line=self.line(*keys))

    def write(self, text: str) -> None:
        """Put another text in its place.

        Raises:
            ProjectError: the file has changed since it was read, or cannot be written.
        """
        try:
            if self.path.read_bytes() != self.text.encode("utf-8"):
                raise ProjectError("was changed meanwhile: try again", path=str(self.path))
            write_whole(self.path, text.encode("utf-8"))
        except OSError as error:
            raise ProjectError(
                f"cannot be written: {error.strerror}", path=str(self.path)
            ) from error
        self.__init__(self.path)  # type: ignore[misc]


def parse(text: str) -> dict[str, Any]:
    """What the text of a TOML file says.

    Raises:
        ValueError: it is no TOML.
    """
    return tomllib.loads(text.removeprefix("\ufeff"))


def places(text: str) -> Iterator[tuple[int, tuple[str, ...]]]:
    """Each line that begins a table or a key, as (line, keys). Best effort: it only shows where."""
    table: tuple[str, ...] = ()
    quoted = ""
    for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), 1):
        if quoted:  # in a text of several lines
            quoted = "" if line.count(quoted) % 2 else quoted
            continue
        if header := _HEADER.match(line):
            table = _keys(header.group(2)) + (("",) if header.group(1) == "[[" else ())
            yield from ((number, table[:count]) for count in range(1, len(table) + 1))
        elif key := _KEYS.match(line):
            keys = _keys(key.group(1))
            yield from ((number, table + keys[:count]) for count in range(1, len(keys) + 1))
        quoted = next((q for q in ('"""', "'''") if line.count(q) % 2), "")


def _keys(text: str) -> tuple[str, ...]:
    """The parts of a dotted key."""
    table: Any = tomllib.loads(f"{text} = 0")
    keys = []
    while isinstance(table, dict):
        key, table = next(iter(table.items()))
        keys.append(key)
    return tuple(keys)
