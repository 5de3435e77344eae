# SPDX-License-Identifier: Apache-2.0
"""``belay list``, ``why``, ``outdated`` and ``search``: what packages there are, and why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from belay.cli.columns import aligned, readable
from belay.cli.options import Json, Words
from belay.cli.projects import Offline, opened
from belay.cli.usage import WordCountError

if TYPE_CHECKING:
    from belay.packages.model import LockedPackage

__all__ = ["list_packages", "outdated", "print_package_tree", "search", "why"]


def list_packages(*, mpy: bool = False, json: Json = False) -> None:
    """List a project's packages, and what each takes on a board.

    FLASH is what the files take there, without comments and docstrings, in blocks of 4 KiB.

    Args:
        mpy: as .mpy, for packages that have these.
        json: print an array of objects, sizes in bytes.

    Examples:
        belay list
        belay list --mpy
    """
    from belay.cli.boards import dump
    from belay.packages.project import NEWEST_ABI
    from belay.packages.reports import minified_sizes, sizes

    with opened(offline=True) as workspace:
        lock = workspace.lock()
        target = f"mpy{NEWEST_ABI}" if mpy else workspace.project.target
        found = sizes(lock, target, minified_sizes(workspace))
    if json:
        print(dump([{**_package(s.package), "files": s.files, "size": s.size, "flash": s.flash}
                    for s in found]))  # fmt: skip
        return
    if not found:
        print("belay.lock has no packages")
        return
    rows = [["PACKAGE", "VERSION", "GROUPS", "FILES", "SIZE", "FLASH", "SOURCE"]]
    for each in found:
        package = each.package
        rows.append([
            package.name, _short(package), ", ".join(package.groups), str(each.files),
            readable(each.size), readable(each.flash), package.source_text,
        ])  # fmt: skip
    total = ["total", "", "", *(str(sum(s.files for s in found)),)]
    total += [readable(sum(s.size for s in found)), readable(sum(s.flash for s in found)), ""]
    for line in aligned([*rows, total], right=(3, 4, 5)):
        print(line)


def why(*words: Words, json: Json = False) -> None:
    """Show why a package is needed: the ways from the project to it.

    Args:
        words: its name.
        json: print an array of arrays.

    Examples:
        belay why ssl
    """
    from belay.cli.boards import dump
    from belay.packages.model import PROJECT
    from belay.packages.reports import why as ways_to

    if len(words) != 1:
        raise WordCountError("give the name of a package")
    with opened(offline=True) as workspace:
        ways = ways_to(workspace.lock(), words[0])
        name = workspace.project.name or workspace.project.root.name
    ways = [[name if part == PROJECT else part for part in way] for way in ways]
    if json:
        print(dump(ways))
        return
    for way in ways:
        print(" -> ".join(way))


def outdated(*, offline: Offline = False, json: Json = False) -> None:
    """Show packages of which there is something newer.

    UPDATE is what belay update would bring; NEWEST what there is, whatever is required.

    Args:
        offline: use what is in the store, and ask nobody.
        json: print an array of objects.

    Examples:
        belay outdated
    """
    from belay.cli.boards import dump
    from belay.packages.model import short_version
    from belay.packages.reports import newer

    with opened(offline=offline, quiet=json) as workspace:
        found = newer(workspace, workspace.lock())
    if json:
        print(dump([{"name": n.name, "locked": n.locked, "update": n.update, "newest": n.newest}
                    for n in found]))  # fmt: skip
        return
    if not found:
        print("everything is the newest that there is")
        return
    rows = [["PACKAGE", "LOCKED", "UPDATE", "NEWEST"]]
    rows += [
        [each.name, *map(short_version, (each.locked, each.update, each.newest))] for each in found
    ]
    for line in aligned(rows):
        print(line)


def search(*words: Words, offline: Offline = False, json: Json = False) -> None:
    """Search the indices for packages.

    Those of the current project; without one, that of MicroPython.

    Args:
        words: that the name or the description has; without any, all packages are shown.
        offline: use what is in the store, and ask nobody.
        json: print an array of objects.

    Examples:
        belay search mqtt
        belay search temperature sensor
    """
    from belay.cli.boards import dump
    from belay.packages.download import Downloader
    from belay.packages.project import INDEX, project_folder, read_project
    from belay.packages.sources.index import Indices
    from belay.packages.store import Store

    folder = project_folder()
    indices = read_project(folder).indices if folder else (INDEX,)
    with Downloader(offline=offline, memory=Store()) as downloader:
        found = Indices(indices, downloader, ["py"]).search(" ".join(words))
    if json:
        print(dump([
            {"name": p.name, "version": p.version, "description": p.description,
             "author": p.author, "license": p.license, "index": source.index}
            for source, p in found
        ]))  # fmt: skip
        return
    if not found:
        print(f"no package has {' '.join(words)!r} in its name or description")
        return
    rows = [["PACKAGE", "VERSION", "DESCRIPTION"]]
    rows += [[each.name, each.version, each.description] for _, each in found]
    for line in aligned(rows):
        print(line)


def print_package_tree(*, json: bool) -> None:
    """Draw who needs what of a project's packages."""
    from belay.cli.boards import dump
    from belay.cli.listing import tree_lines
    from belay.packages.reports import tree

    with opened(offline=True) as workspace:
        project = workspace.project
        content = tree(workspace.lock(), project)
    if json:
        print(dump(content))
        return
    print(project.name or project.root.name)
    for line in tree_lines(content):
        print(line)


def _package(package: LockedPackage) -> dict[str, Any]:
    return {
        "name": package.name,
        "version": package.version,
        "groups": list(package.groups),
        "source": package.source_text,
        "commit": package.commit or None,
        "requires": list(package.requires),
        "required_by": list(package.required_by),
    }


def _short(package: LockedPackage) -> str:
    from belay.packages.model import short_version

    return short_version(package.version) or "as it is"
