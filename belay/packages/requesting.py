# SPDX-License-Identifier: Apache-2.0
"""What people type to require a package, as ``pyproject.toml`` is to have it."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from belay.errors import PackageError, PackageNotFoundError
from belay.packages.model import PathSource
from belay.packages.project import Project, is_package_name
from belay.packages.sources.local import local_path
from belay.packages.sources.spec import inferred_name, parse_source
from belay.packages.versions import Constraint, is_constraint

__all__ = ["Asked", "asked_for"]

_NAMED = re.compile(
    r"(?:mip:)?(?P<name>[A-Za-z0-9_](?:[A-Za-z0-9._-]*[A-Za-z0-9_])?)\s*"
    r"(?:@(?P<exact>[^\s@/:]+)|(?P<range>[\^~<>=!].*))?"
)

_FILE = re.compile(r"\.(?:py|mpy|zip|tar|gz|tgz|json)$")
"""A plain word that ends so is a file of this computer."""


class Asked(NamedTuple):
    """A dependency: its key in the table, and its value there."""

    name: str
    value: str | Mapping[str, Any]


def asked_for(
    project: Project,
    first: str,
    second: str = "",
    *,
    develop: bool = False,
    rename_to_init: bool | None = None,
    here: Path | None = None,
) -> Asked:
    """What is to be written for what was typed.

    Args:
        project: that requires it.
        first: the name of a package of an index, perhaps with a version; or a source.
        second: with a name in ``first``: the version, or the source.
        develop: a local source is taken afresh whenever it is installed.
        rename_to_init: as ``pyproject.toml`` has it; None: nothing is said.
        here: the folder that paths are relative to; the current one by default.

    Raises:
        PackageError: it cannot be understood; the message says what would be.
    """
    here = Path.cwd() if here is None else here
    if second:
        if not is_package_name(first):
            raise PackageError(f"{first!r} cannot name a package: letters, digits, '_', '.', '-'")
        name, text = first, second
        if is_constraint(text):
            _refuse(develop or rename_to_init is not None, name)
            return Asked(name, _version(text))
    else:
        named = _NAMED.fullmatch(first)
        if named and not _FILE.search(first):
            _refuse(develop or rename_to_init is not None, first)
            return _of_index(named)
        name, text = "", first
    return _of_source(project, name, text, here, develop=develop, rename=rename_to_init)


def _of_index(named: re.Match[str]) -> Asked:
    name = named["name"]
    if not is_package_name(name):
        raise PackageError(f"{name!r} cannot name a package")
    return Asked(name, _version(named["exact"] or named["range"] or "*"))


def _version(text: str) -> str:
    text = text.strip()
    Constraint.parse(text)
    return text if is_constraint(text) else f"=={text}"


def _of_source(
    project: Project, name: str, text: str, here: Path, *, develop: bool, rename: bool | None
) -> Asked:
    named = re.fullmatch(r"mip:(.+)", text)
    if named and _NAMED.fullmatch(text):
        _refuse(develop or rename is not None, text)
        return Asked(name, text)
    source = parse_source(text)
    if isinstance(source, PathSource):
        text = _path_in(project, source, here)
        source = PathSource(text)
    elif develop:
        raise PackageError(f"--develop is for files and folders of this computer, not for {text}")
    name = name or inferred_name(source)
    if not name:
        raise PackageError(f"{text} gives no name that can be imported. Try: belay add NAME {text}")
    written = source.text
    table: dict[str, Any] = {"uri": written}
    if develop:
        table["develop"] = True
    if rename is not None:
        table["rename_to_init"] = rename
    return Asked(name, written if len(table) == 1 else table)


def _path_in(project: Project, source: PathSource, here: Path) -> str:
    """The path of what was typed in a folder, relative to the project if it can be."""
    expanded = Path(source.path).expanduser()
    there = here / expanded
    if not there.exists():
        raise PackageNotFoundError(
            f"nothing is at {there}. A package of the index has a plain name, such as aiohttp; "
            "other sources begin with github:, git+https:// or https://"
        )
    if expanded.is_absolute() or source.path.startswith("~"):
        return source.path
    try:
        path = Path(os.path.relpath(there, project.root)).as_posix()
    except ValueError:  # on another drive
        return str(there)
    # Where a link is among the folders, '..' may lead elsewhere.
    return path if local_path(PathSource(path), project.root).exists() else str(there)


def _refuse(odd: bool, name: str) -> None:
    if odd:
        raise PackageError(f"{name} is of an index: --develop and --rename-to-init are for files")
