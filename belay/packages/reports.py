# SPDX-License-Identifier: Apache-2.0
"""What a lock says, for people: who needs what, how large it is, and what is newer."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from belay.errors import PackageError
from belay.packages.locking import Everything, resolution_of
from belay.packages.model import (
    PROJECT,
    SOURCE_TARGET,
    IndexSource,
    Lock,
    LockedFile,
    LockedPackage,
    Target,
)
from belay.packages.project import Project
from belay.packages.sources.provider import Sources
from belay.packages.sources.spec import parse_source
from belay.packages.stage import files_for
from belay.packages.versions import Version, best_first
from belay.packages.workspace import Workspace

__all__ = [
    "BLOCK",
    "Newer",
    "Size",
    "newer",
    "sizes",
    "tree",
    "why",
]

BLOCK = 4096
"""Bytes in which littlefs gives out flash on most boards."""

Tree = dict[str, "Tree"]


def tree(lock: Lock, project: Project) -> Tree:
    """Who needs what: titles of packages, in each of them those that it needs.

    Returns:
        The groups, and in them the packages that the project itself requires. What stands further
        up already has `` (*)`` behind it, and nothing below.
    """
    by_name = _by_name(lock)
    found: Tree = {}
    for group in project.groups:
        seen: set[str] = set()
        names = sorted({each.name for each in group.dependencies})
        title = f"{group.name} (optional)" if group.optional else group.name
        branch: Tree = {}
        for name in names:
            branch |= _branch(name, by_name, seen)
        if branch:
            found[title] = branch
    return found


def _branch(name: str, by_name: dict[str, list[LockedPackage]], seen: set[str]) -> Tree:
    packages = by_name.get(name)
    if packages is None:
        return {f"{name} (not in the lock)": {}}
    requires = sorted({each for package in packages for each in package.requires})
    if name in seen and requires:
        return {f"{packages[0].title} (*)": {}}
    seen.add(name)
    inner: Tree = {}
    for each in requires:
        inner |= _branch(each, by_name, seen)
    return {packages[0].title: inner}


def why(lock: Lock, name: str) -> list[list[str]]:
    """For each that needs a package: the shortest way from the project to it.

    Returns:
        Titles of packages; the project is ``PROJECT``.

    Raises:
        PackageError: the lock has no such package.
    """
    by_name = _by_name(lock)
    if name not in by_name:
        known = ", ".join(sorted(by_name)) or "no packages"
        raise PackageError(f"the lock has no {name!r}: it has {known}")
    needed = {by for package in by_name[name] for by in package.required_by}
    ways = [[*_way(by, by_name), name] for by in sorted(needed)]
    titles = {each: packages[0].title for each, packages in by_name.items()}
    return sorted([titles.get(part, part) for part in way] for way in ways)


def _way(name: str, by_name: dict[str, list[LockedPackage]]) -> list[str]:
    ways = deque([[name]])
    seen = {name}
    while ways:
        way = ways.popleft()
        if way[0] == PROJECT:
            return way
        for by in sorted({b for package in by_name.get(way[0], ()) for b in package.required_by}):
            if by not in seen:
                seen.add(by)
                ways.append([by, *way])
    return [name]  # a lock that somebody has edited


def _by_name(lock: Lock) -> dict[str, list[LockedPackage]]:
    found: dict[str, list[LockedPackage]] = {}
    for package in lock.packages:
        found.setdefault(package.name, []).append(package)
    return found


@dataclass(frozen=True, slots=True)
class Size:
    """What a package takes.

    Attributes:
        package: it.
        files: how many, for the target.
        size: of them, in bytes.
        flash: bytes of blocks of :data:`BLOCK` that they take on a board.
    """

    package: LockedPackage
    files: int
    size: int
    flash: int


def sizes(
    lock: Lock, target: Target, on_board: Callable[[LockedFile], int] | None = None
) -> list[Size]:
    """What each package takes.

    Args:
        lock: that has them.
        target: for whom.
        on_board: gives the size that a file has there; as it is, by default.
    """
    found = []
    for package in lock.packages:
        files = files_for(package, target)
        there = [file.size if on_board is None else on_board(file) for file in files]
        flash = sum(-(-size // BLOCK) * BLOCK for size in there)
        found.append(Size(package, len(files), sum(file.size for file in files), flash))
    return found


@dataclass(frozen=True, slots=True)
class Newer:
    """A package that is not the newest.

    Attributes:
        name: of it.
        locked: its version in the lock.
        update: the version that ``belay update`` would bring.
        newest: the newest that there is, whatever is required.
    """

    name: str
    locked: str
    update: str
    newest: str


def newer(workspace: Workspace, lock: Lock) -> list[Newer]:
    """Packages of which there is something newer than the lock has, by name.

    Args:
        workspace: of the project.
        lock: its lock.

    Raises:
        PackageError: a source does not answer.
    """
    project = workspace.project
    sources = workspace.sources(project)
    resolution = resolution_of(project, sources, None, Everything())
    update = {(one.name, one.source.text): one.candidate.version for one in resolution.packages}
    by_name = {one.name: one.candidate.version for one in resolution.packages}
    nearby = workspace.nearby()
    found = []
    for package in lock.packages:
        if nearby.is_develop(package):
            continue
        then = update.get((package.name, package.source_text)) or by_name.get(package.name, "")
        newest = _newest(package, sources) or then
        if {then or package.version, newest or package.version} != {package.version}:
            found.append(Newer(package.name, package.version, then, newest))
    return found


def _newest(package: LockedPackage, sources: Sources) -> str:
    source = parse_source(package.source_text)
    if not isinstance(source, IndexSource):
        return ""
    versions = [Version(text) for text in sources.versions(package.name, source)]
    return _first(best_first(versions))


def _first(versions: Iterable[Version]) -> str:
    return next((version.text for version in versions), "")


def source_size(data: bytes) -> int:
    """How large a ``.py`` file is as a sync sends it: without comments and docstrings."""
    from belay.source.minify import minify

    try:
        return len(minify(data.decode("utf-8")).encode("utf-8"))
    except (SyntaxError, UnicodeDecodeError, ValueError):
        return len(data)


def minified_sizes(workspace: Workspace) -> Callable[[LockedFile], int]:
    """The size of a file on a board, if the store has it; as it is, otherwise."""

    def size(file: LockedFile) -> int:
        if file.target != SOURCE_TARGET or not file.dest.endswith(".py"):
            return file.size
        data = workspace.store.get(file.sha256)
        return file.size if data is None else source_size(data)

    return size
