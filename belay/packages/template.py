# SPDX-License-Identifier: Apache-2.0
"""A new project: files that run as they are, and nothing that was there is touched."""

from __future__ import annotations

import contextlib
import keyword
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import tomlkit

from belay.errors import PackageError, ProjectError
from belay.packages.project import project_of
from belay.packages.projectfile import ProjectFile
from belay.packages.writing import write_whole

__all__ = ["Made", "make_project", "project_name"]

_BUILT_IN = frozenset(
    [
        "array",
        "asyncio",
        "binascii",
        "bluetooth",
        "board",
        "boot",
        "builtins",
        "cmath",
        "code",
        "collections",
        "cryptolib",
        "deflate",
        "digitalio",
        "errno",
        "esp",
        "esp32",
        "framebuf",
        "gc",
        "hashlib",
        "heapq",
        "io",
        "json",
        "lib",
        "machine",
        "main",
        "math",
        "micropython",
        "neopixel",
        "network",
        "ntptime",
        "onewire",
        "os",
        "platform",
        "pyb",
        "random",
        "re",
        "rp2",
        "select",
        "socket",
        "ssl",
        "storage",
        "struct",
        "supervisor",
        "sys",
        "time",
        "uctypes",
        "uos",
        "vfs",
        "webrepl",
        "zlib",
    ]
)
"""Modules that boards have, and files that they start: a folder of such a name hides one of them,
or is hidden."""

_PROJECT = """\
[tool.belay]
name = "{name}"

[tool.belay.dependencies]
"""

_PYTEST = """
[tool.pytest.ini_options]
pythonpath = [".belay/dependencies/main"]
"""

_BOARD = """
[tool.belay.boards.{name}]
address = {address}
"""

_MAIN = '''\
"""Runs when the board starts."""

import {name}

{name}.main()
'''

_CODE = '''\
"""What the board does."""

import sys
import time


def main(times=3):
    """Say hello, a few times."""
    for number in range(1, times + 1):
        print("Hello", number, "from", sys.implementation[0], "on", sys.platform)
        time.sleep(0.2)
'''

_README = """\
# {title}

```sh
belay add NAME            # a package: belay search finds them
belay install             # packages and {name}/ go to the board
belay install --main main.py --follow
```

Without a board, `belay install virtual:` shows the same on a virtual one.
"""

_IGNORED = "# belay.lock has every byte of it\n.belay/\n"


@dataclass(frozen=True)
class Made:
    """What was made.

    Attributes:
        folder: of the project.
        name: of it.
        made: files, relative to the folder.
        changed: files that were there, and have more in them now.
        left: files that were there, and are as they were.
    """

    folder: Path
    name: str
    made: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def project_name(text: str) -> str:
    """A name that can be imported, made of a folder's name.

    Letters lose their accents; what can be in no name becomes ``_``; a name that begins with a
    digit, or that a module of boards has, gets ``app_`` in front.

    Raises:
        PackageError: nothing is left of it.
    """
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    name = re.sub(r"\W+", "_", plain).strip("_").lower()
    if not name:
        raise PackageError(f"{text!r} gives no name that can be imported. Try: --name NAME")
    return f"app_{name}" if _why_not(name) else name


def make_project(
    folder: Path, name: str | None = None, boards: Mapping[str, str] | None = None
) -> Made:
    """Make a project in a folder, or make a project of it.

    Args:
        folder: it is made if it is not there.
        name: of the project; by default that of the folder, as :func:`project_name` makes it.
        boards: addresses by name, for ``[tool.belay.boards]``.

    Raises:
        ProjectError: it has ``[tool.belay]`` already, or its ``pyproject.toml`` cannot be edited.
        PackageError: the name is no name, or something cannot be written.
    """
    folder = folder.absolute()
    if name is None:
        name = project_name(folder.name)
    elif reason := _why_not(name):
        raise PackageError(f"{name!r} cannot be the name of a project: {reason}")
    made = Made(folder, name)
    files = {
        "README.md": _README.format(title=folder.name, name=name),
        "main.py": _MAIN.format(name=name),
        f"{name}/__init__.py": _CODE,
        ".gitignore": _IGNORED,
    }
    tables = _PROJECT.format(name=name) + "".join(
        _BOARD.format(name=tomlkit.key(board).as_string(), address=tomlkit.item(at).as_string())
        for board, at in (boards or {}).items()
    )
    if (folder / name).exists() and not (folder / name).is_dir():
        raise PackageError(f"{folder / name} is there, and is no folder. Try: --name NAME")
    path = folder / "pyproject.toml"
    existing = ProjectFile(path) if path.exists() else None
    text = tables + _PYTEST if existing is None else _extended(existing, tables)
    project_of(ProjectFile(path, text))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for inner, content in files.items():
            _make(folder / inner, content, inner, made)
        write_whole(path, text.encode("utf-8"))
        (made.made if existing is None else made.changed).insert(0, "pyproject.toml")
    except OSError as error:
        _unmake(made)
        raise PackageError(f"{error.filename or folder} cannot be written: {error.strerror}") from (
            error
        )
    return made


def _make(path: Path, content: str, inner: str, made: Made) -> None:
    path.parent.mkdir(exist_ok=True)
    try:
        with path.open("x", encoding="utf-8", newline="\n") as file:
            file.write(content)
    except FileExistsError:
        made.left.append(inner)
    else:
        made.made.append(inner)


def _unmake(made: Made) -> None:
    """Half a project is none."""
    for inner in made.made:
        with contextlib.suppress(OSError):
            (made.folder / inner).unlink()
    with contextlib.suppress(OSError):
        (made.folder / made.name).rmdir()  # if it is empty


def _extended(file: ProjectFile, tables: str) -> str:
    """The text with more tables behind all that is there; that stays as it is."""
    if file.table:
        raise file.error("has [tool.belay] already")
    end = "\r\n" if "\r\n" in file.text else "\n"
    head = file.text if file.text.endswith("\n") or not file.text else f"{file.text}{end}"
    gap = "\n" if head else ""
    text = head + gap + tables
    pytest = file.tables.get("tool", {}).get("pytest")
    if pytest is None:
        text += _PYTEST
    if "\r\n" in file.text:
        text = head + (gap + text[len(head + gap) :]).replace("\n", "\r\n")
    try:
        return ProjectFile(file.path, text).text
    except ProjectError as error:
        raise file.error(
            "is written in a way that cannot be extended here: add [tool.belay]"
        ) from (error)


def _why_not(name: str) -> str:
    if not name.isidentifier() or not name.isascii():
        return "it must be one that can be imported: letters, digits and '_'"
    if keyword.iskeyword(name):
        return "it is a keyword of Python"
    if name in _BUILT_IN:
        return "boards have a module of this name"
    return ""
