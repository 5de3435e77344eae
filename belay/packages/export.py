# SPDX-License-Identifier: Apache-2.0
"""A project as a ``package.json``, which ``mip`` can install.

The format: https://docs.micropython.org/en/latest/reference/packages.html
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from belay.errors import PackageError
from belay.packages.model import MAIN, PROJECT, SOURCE_TARGET, IndexSource, Lock, LockedPackage
from belay.packages.stage import files_for
from belay.packages.workspace import Workspace

__all__ = ["dumped", "own_files", "package_json"]

Pair = tuple[str, str]


def package_json(workspace: Workspace, lock: Lock) -> dict[str, Any]:
    """What the ``package.json`` in the project's folder is to say.

    Its own code is named by paths relative to it. Packages of the project's first index become
    ``deps`` with the version of the lock; of all others each file is named by its address, which
    has the commit in it.

    Args:
        workspace: of the project.
        lock: its lock; the group ``main`` counts.

    Raises:
        PackageError: mip could not install it; the message says which package is in the way.
    """
    project = workspace.project
    urls: list[Pair] = []
    deps: list[Pair] = []
    if project.name is not None:
        urls += own_files(workspace)
    packages = [package for package in lock.packages if MAIN in package.groups]
    by_name = {package.name: package for package in packages}
    first = IndexSource(project.indices[0]).text if project.indices else ""
    for package in packages:
        if package.source_text == first:
            by = [by_name[name] for name in package.required_by if name in by_name]
            if PROJECT in package.required_by or any(each.source_text != first for each in by):
                deps.append((package.name, package.version))
        else:
            urls += _addresses(workspace, package)
    if not urls and not deps:
        raise project.file.error("there is nothing to export: no name, and no dependencies")
    found: dict[str, Any] = {"v": 1}
    version = project.file.tables.get("project", {}).get("version")
    if isinstance(version, str):
        found["version"] = version
    found["urls"] = [list(pair) for pair in sorted(urls)]
    found["deps"] = [list(pair) for pair in sorted(deps)]
    return found


def dumped(value: dict[str, Any]) -> str:
    """The text of the file: one entry a line."""
    lines = []
    for key, inner in value.items():
        if isinstance(inner, list) and inner:
            entries = ",\n".join(f"    {json.dumps(each)}" for each in inner)
            lines.append(f"  {json.dumps(key)}: [\n{entries}\n  ]")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(inner)}")
    return "{\n" + ",\n".join(lines) + "\n}\n"


def own_files(workspace: Workspace) -> Iterator[Pair]:
    """The project's own code: where it goes, and its path in the project.

    Raises:
        ProjectError: it is not there.
    """
    from belay.sync.host import scan
    from belay.sync.ignore import ignoring

    project = workspace.project
    assert project.name is not None
    folder = project.root / project.name
    if not folder.is_dir():
        raise project.file.error(f"there is no folder {folder}", "name")
    ignored = None if project.ignore is None else list(project.ignore)
    for path in sorted(scan(folder, ignoring(ignored)).files):
        inside = posixpath.join(project.name, path)
        yield inside, inside


def _addresses(workspace: Workspace, package: LockedPackage) -> Iterator[Pair]:
    nearby = workspace.nearby()
    if nearby.is_develop(package):
        for file in nearby.candidate(package).files:
            yield file.dest, _address(package, file.url)
        return
    for locked in files_for(package, SOURCE_TARGET):
        yield locked.dest, _address(package, locked.url)


def _address(package: LockedPackage, url: str) -> str:
    """What mip takes for the address of a file."""
    if url.startswith(("https://", "http://")) and "#" not in url:
        return url
    path = unquote(url.removeprefix("file:"))
    if url.startswith("file:") and "#" not in url and not path.startswith(("/", "..")):
        return path
    raise PackageError(
        f"{package.name}: mip cannot get {url}. It takes files of the web, of github:, gitlab: and "
        "codeberg:, and of the project's own folder"
    )
