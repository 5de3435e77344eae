# SPDX-License-Identifier: Apache-2.0
"""``belay cache``: what is kept of packages in your cache folder."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from cyclopts import Parameter

from belay.cli.columns import aligned, readable
from belay.cli.options import Json, Words
from belay.cli.usage import UsageError, WordCountError
from belay.errors import BelayException

__all__ = ["clear", "info", "list_entries", "verify"]


def info(*, json: Json = False) -> None:
    """Show where packages are kept, and how much that is.

    BELAY_CACHE_DIR names another folder.

    Args:
        json: print an object, sizes in bytes.

    Examples:
        belay cache info
    """
    from belay.cli.boards import dump
    from belay.packages.store import Store

    found = Store().info()
    if json:
        told = {"location": str(found.folder), "elements": found.entries, "files": found.files}
        print(dump({**told, "size": found.size}))
        return
    print(f"Location    {found.folder}")
    print(f"Elements    {found.entries}")
    print(f"Files       {found.files}")
    print(f"Total Size  {readable(found.size)}")


def list_entries(*, json: Json = False) -> None:
    """List what is kept: packages by name and version, and clones.

    Args:
        json: print an array of objects, sizes in bytes.

    Examples:
        belay cache list
    """
    from belay.cli.boards import dump
    from belay.packages.store import Store

    found = Store().entries()
    if json:
        print(dump([{"name": e.name, "size": e.size, "source": e.source} for e in found]))
        return
    if not found:
        print("nothing is kept")
        return
    rows = [["NAME", "SIZE", "SOURCE"]]
    rows += [[_shown(each.name), readable(each.size), each.source] for each in found]
    for line in aligned(rows, right=(1,)):
        print(line)


def clear(
    *words: Words,
    yes: Annotated[bool, Parameter(name=("--yes", "-y"))] = False,
    all_: Annotated[bool, Parameter(name=("--all", "-a"))] = False,
) -> int:
    """Remove what is kept, and is got again when it is needed.

    Args:
        words: PREFIX: what begins so, as belay cache list shows it.
        yes: remove without asking.
        all_: everything.

    Examples:
        belay cache clear aiohttp
        belay cache clear --all --yes
    """
    from belay.packages.store import Store

    if len(words) > 1:
        raise WordCountError("give one PREFIX")
    if bool(words) == all_:
        raise UsageError("give PREFIX or --all")
    store = Store()
    prefix = words[0] if words else ""
    names = [each.name for each in store.entries() if each.name.startswith(prefix)]
    if not names and not (all_ and store.info().files):
        print("there is nothing to clear" if all_ else f"nothing begins with {prefix!r}")
        return 1
    if not yes:
        _ask([f"  {_shown(name)}" for name in names] or ["  files of no package"])
    removed = store.clear(prefix)
    print(f"{len(removed)} removed")
    return 0


def verify(*, json: Json = False) -> int:
    """Check everything that is kept, and remove what is damaged.

    The exit status is 1 if something was.

    Args:
        json: print an object.

    Examples:
        belay cache verify
    """
    from belay.cli.boards import dump
    from belay.packages.store import Store

    found = Store().verify()
    told: dict[str, Any] = {"good": found.good, "damaged": list(found.damaged)}
    if json:
        print(dump(told))
    else:
        print(f"{found.good} files are as they should be")
        if found.damaged:
            print(f"{len(found.damaged)} were damaged, and are removed:")
        for digest in found.damaged:
            print(f"  {digest}")
    return 1 if found.damaged else 0


def _shown(name: str) -> str:
    """A name and a version; of a commit or a digest the beginning, which is a PREFIX, too."""
    from belay.packages.model import short_version

    package, _, version = name.partition(" ")
    return f"{package} {short_version(version)}".rstrip()


def _ask(listed: list[str]) -> None:
    if not sys.stdin.isatty():
        raise UsageError("--yes clears them without asking")
    print("\n".join(listed))
    if input("Clear these caches? [y/N]: ").strip().lower() not in ("y", "yes"):
        raise BelayException("nothing was cleared")
