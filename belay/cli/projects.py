# SPDX-License-Identifier: Apache-2.0
"""The project that a command is about, and how far its downloads are."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Annotated
from urllib.parse import urlsplit

from cyclopts import Parameter

from belay.cli.progress import Bars
from belay.cli.usage import UsageError

if TYPE_CHECKING:
    from belay.packages.workspace import Done, Workspace

__all__ = ["Frozen", "Group", "Locked", "Offline", "check_lock_options", "opened", "tell"]

Offline = Annotated[bool, Parameter(name="--offline")]
"""``offline: Offline = False``: ask nobody."""

Locked = Annotated[bool, Parameter(name="--locked")]
"""``locked: Locked = False``: the lock has to fit as it stands."""

Frozen = Annotated[bool, Parameter(name="--frozen")]
"""``frozen: Frozen = False``: the lock is taken as it stands."""

Group = Annotated[str | None, Parameter(name=("--group", "-g"))]
"""``group: Group = None``: a group of dependencies."""


@contextmanager
def opened(*, offline: bool = False, quiet: bool = False) -> Iterator[Workspace]:
    """The project of the current folder, with bars for its downloads where a person looks.

    Args:
        offline: nobody is asked.
        quiet: no bars.

    Raises:
        ProjectError: there is none, or its ``[tool.belay]`` is wrong.
    """
    from belay.packages.workspace import Workspace

    with Bars(shown=not quiet) as bars:

        def progress(url: str, done: int, size: int) -> None:
            bars(posixpath.basename(urlsplit(url).path) or url, done, size)

        with Workspace(offline=offline, progress=progress) as workspace:
            yield workspace


def check_lock_options(*, locked: bool, frozen: bool) -> None:
    """Refuse what nobody can mean."""
    if locked and frozen:
        raise UsageError("--locked and --frozen do not go together")


def tell(done: Done) -> None:
    """Say what has changed."""
    for move in done.moved:
        print(move)
    changes = done.changes
    counts = {
        "added": len(changes.added),
        "updated": len(changes.updated),
        "removed": len(changes.removed),
    }
    told = [f"{count} {what}" for what, count in counts.items() if count]
    if told:
        count = sum(counts.values())
        print(f"{'file' if count == 1 else 'files'}: {', '.join(told)}")
    elif not done.moved:
        print("nothing has changed")
