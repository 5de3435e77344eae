# SPDX-License-Identifier: Apache-2.0
"""``belay add``, ``remove``, ``update``, ``lock``, ``fetch``, ``clean``: a project's packages."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from belay.cli.options import Words
from belay.cli.projects import Frozen, Group, Offline, opened, tell
from belay.cli.usage import UsageError, WordCountError

__all__ = ["add", "clean", "fetch", "lock", "remove", "update"]


def add(
    *words: Words,
    group: Group = None,
    develop: bool = False,
    rename_to_init: Annotated[
        bool | None, Parameter(name="--rename-to-init", negative="--no-rename-to-init")
    ] = None,
    offline: Offline = False,
) -> None:
    """Require a package, and get it into the project.

    NAME is looked up in the index of MicroPython; a version may follow it, as aiohttp@0.0.6 or
    'aiohttp>=0.0.5'. SOURCE is github:owner/repo/path@ref (gitlab:, codeberg:, or the address of
    the page), git+https://…, a URL of a file or an archive, bundle:owner/repo#name, or a file or
    folder of this computer. A source whose name is no good name has NAME in front of it.

    pyproject.toml, belay.lock and .belay/dependencies change together, or not at all.

    Args:
        words: NAME, or SOURCE, or both.
        group: of dependencies; main by default.
        develop: take a local file or folder as it is whenever it is installed.
        rename_to_init: let a single file be the __init__ of a package, as it is by default.
            --no-rename-to-init leaves it its name.
        offline: use what is in the store, and ask nobody.

    Examples:
        belay add aiohttp
        belay add 'umqtt.simple>=1.3'
        belay add github:owner/repo/lib/driver.py@v1.2
        belay add sensors ../shared/sensors --develop
    """
    from belay.packages.requesting import asked_for

    if not 1 <= len(words) <= 2:
        raise WordCountError("give NAME, SOURCE, or both")
    with opened(offline=offline) as workspace:
        wanted = asked_for(
            workspace.project, *words, develop=develop, rename_to_init=rename_to_init
        )
        tell(workspace.add(wanted.name, wanted.value, group or "main"))


def remove(*words: Words, group: Group = None, offline: Offline = False) -> None:
    """Require packages no more, and take them out of the project.

    What only they needed goes, too.

    Args:
        words: their names.
        group: that they are removed from; all by default.
        offline: use what is in the store, and ask nobody.

    Examples:
        belay remove aiohttp
        belay remove unittest --group test
    """
    if not words:
        raise WordCountError("give the name of a package")
    with opened(offline=offline) as workspace:
        tell(workspace.remove(words, group))


def update(*words: Words, offline: Offline = False) -> None:
    """Look at packages anew: versions, branches, folders.

    The newest version that fits, what a branch is now, what a folder holds.

    Args:
        words: names of packages; all by default.
        offline: use what is in the store, and ask nobody.

    Examples:
        belay update
        belay update aiohttp ssl
    """
    with opened(offline=offline) as workspace:
        done = workspace.update(words)
        named = {each.name for each in workspace.project.dependencies if each.key in words}
        for move in done.moves:
            if move.same and (not words or move.name in (*words, *named)):
                print(f"{move}: no changes")
        tell(done)


def lock(
    *words: Words, check: bool = False, upgrade: bool = False, offline: Offline = False
) -> None:
    """Make belay.lock, which says byte for byte what is installed.

    It is made where it is missing or does not fit pyproject.toml any more. What it has already
    stays as it is, as long as that fits.

    Args:
        words: with --upgrade, the names of packages; all by default.
        check: only say whether it fits; if it does not, the exit status is 1.
        upgrade: look at packages anew, as belay update does.
        offline: use what is in the store, and ask nobody.

    Examples:
        belay lock
        belay lock --check
        belay lock --upgrade aiohttp
    """
    if words and not upgrade:
        raise UsageError(f"{words[0]!r}: packages are named behind --upgrade")
    if check and upgrade:
        raise UsageError("--check and --upgrade do not go together")
    from belay.packages.locking import Everything

    with opened(offline=offline) as workspace:
        if check:
            workspace.check()
            print("belay.lock fits")
            return
        done = workspace.relock((words or Everything()) if upgrade else ())
        for move in done.moved:
            print(move)
        if not done.moved:
            print("belay.lock fits" if not done.moves else "belay.lock is made; no package changed")


def fetch(*, frozen: Frozen = False, offline: Offline = False) -> None:
    """Get everything that belay.lock needs, for a time without a network.

    Everything: all groups, source and .mpy. It goes to the store in your cache folder; from then
    on `belay install --offline` works, also in another folder with the same belay.lock.

    Args:
        frozen: do not ask whether belay.lock fits pyproject.toml.
        offline: only check that everything is there.

    Examples:
        belay fetch
    """
    with opened(offline=offline) as workspace:
        fetched = workspace.fetch(frozen=frozen)
        count = len({file.sha256 for each in workspace.lock().packages for file in each.files})
        print(f"{count} files are in {workspace.store.folder}, {fetched} of them new")


def clean() -> None:
    """Remove from the folder of packages what belay.lock does not have.

    Examples:
        belay clean
    """
    with opened(offline=True) as workspace:
        removed = workspace.clean()
        for place in removed:
            print(f"- {place}")
        if not removed:
            print("nothing to remove")
