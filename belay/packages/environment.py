# SPDX-License-Identifier: Apache-2.0
"""The environment in which a MicroPython on this computer finds a project's packages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from belay.errors import BelayException

__all__ = ["dependency_folders", "environment", "project_folder"]

VARIABLE = "MICROPYPATH"

_DEFAULT = (".frozen", "~/.micropython/lib", "/usr/lib/micropython")
"""Where MicroPython's unix port looks if the variable is not set (its main.c)."""

_FOLDER = ".belay/dependencies"


def project_folder(start: Path | None = None) -> Path | None:
    """The nearest folder with a ``pyproject.toml``, from ``start`` upwards; None: there is none."""
    here = Path.cwd() if start is None else start.absolute()
    return next((f for f in (here, *here.parents) if (f / "pyproject.toml").is_file()), None)


def dependency_folders(project: Path) -> list[Path]:
    """The folders of a project that hold its packages: one for each group, ``main`` first.

    Raises:
        BelayException: its ``pyproject.toml`` cannot be read.
    """
    table = _table(project / "pyproject.toml")
    named = table.get("dependencies_path", _FOLDER)
    if not isinstance(named, str):
        raise BelayException(f"{project / 'pyproject.toml'}: dependencies_path is no text")
    root = project / named
    groups = [each for each in root.iterdir() if each.is_dir()] if root.is_dir() else []
    return sorted(groups, key=lambda group: (group.name != "main", group.name))


def environment(project: Path | None, base: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables for a program that is to find a project's packages.

    They are appended: what the variable names already, and what the program has frozen in, stays
    and comes first.

    Args:
        project: its folder; None for no project.
        base: the variables that there are; ``os.environ`` by default.
    """
    variables = dict(os.environ if base is None else base)
    folders = [str(folder) for folder in dependency_folders(project)] if project else []
    if folders:
        before = variables.get(VARIABLE) or os.pathsep.join(_DEFAULT)
        variables[VARIABLE] = os.pathsep.join([before, *folders])
    return variables


def _table(path: Path) -> dict[str, Any]:
    import sys

    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        with path.open("rb") as file:
            tables = tomllib.load(file)
    except (OSError, ValueError) as error:
        raise BelayException(f"{path}: {error}") from error
    tool = tables.get("tool", {})
    table = tool.get("belay", {}) if isinstance(tool, dict) else {}
    return table if isinstance(table, dict) else {}
