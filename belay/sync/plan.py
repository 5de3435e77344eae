# SPDX-License-Identifier: Apache-2.0
"""What to do so that a board has the files that are wanted: a pure function."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from belay.sync.manifest import BoardManifest, WantedFile

__all__ = ["MakeFolder", "Operation", "Plan", "Remove", "RemoveFolder", "Write", "plan"]


class MakeFolder(NamedTuple):
    """Make a folder, whose parent exists by then. One that exists already is no error."""

    path: str


class Write(NamedTuple):
    """Write a whole file, under a temporary name that is renamed at the end.

    Attributes:
        path: where.
        file: what.
        replaces: whether a file stands there, which the rename replaces.
    """

    path: str
    file: WantedFile
    replaces: bool


class Remove(NamedTuple):
    """Remove a file."""

    path: str


class RemoveFolder(NamedTuple):
    """Remove a folder, which is empty by then."""

    path: str


Operation = MakeFolder | Write | Remove | RemoveFolder


@dataclass(frozen=True)
class Plan:
    """What a sync does, or would do.

    Attributes:
        operations: in the order in which they are to be done.
        unchanged: paths of files that are on the board as they are wanted.
        kept: paths of files that nobody wants there, and that stay because ``keep`` says so.
        unknown: paths of files and folders that nobody wants there, and that go (where
            ``delete`` says so).
    """

    operations: tuple[Operation, ...] = ()
    unchanged: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()


def plan(
    wanted: Iterable[WantedFile],
    folders: Iterable[str],
    board: BoardManifest,
    *,
    dst: str,
    keep: Collection[str],
    delete: bool = True,
    in_place: bool = False,
) -> Plan:
    """Find out what to do.

    Args:
        wanted: files that are to be on the board, all below ``dst``.
        folders: folders that are to be there, empty or not.
        board: what is there, at ``dst`` and below.
        dst: the folder that is to be as wanted.
        keep: paths and patterns relative to ``dst`` of what stays although nobody wants it.
        delete: remove everything else there.
        in_place: where old and new do not both fit, remove the old first.
    """
    raise NotImplementedError
