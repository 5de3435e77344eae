# SPDX-License-Identifier: Apache-2.0
"""The environment in which a MicroPython on this computer finds a project's packages."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from belay.packages.project import project_folder, read_project

__all__ = ["dependency_folders", "environment", "project_folder"]

VARIABLE = "MICROPYPATH"

_DEFAULT = (".frozen", "~/.micropython/lib", "/usr/lib/micropython")
"""Where MicroPython's unix port looks if the variable is not set (its main.c)."""


def dependency_folders(project: Path) -> list[Path]:
    """The folders of a project that hold its packages: one for each group, ``main`` first.

    Raises:
        ProjectError: its ``pyproject.toml`` cannot be read.
    """
    root = read_project(project).folder
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
