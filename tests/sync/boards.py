# SPDX-License-Identifier: Apache-2.0
"""Boards whose files are tested."""

from __future__ import annotations

from collections.abc import Mapping

from belay.session.session import Session
from belay.sync.apply import apply
from belay.sync.board import BoardFiles
from belay.sync.manifest import WantedFile
from belay.sync.plan import Plan, plan

__all__ = ["contents", "files_of", "folders_above", "sync"]


def files_of(session: Session) -> BoardFiles:
    """The files at the other end of a session."""
    return BoardFiles(lambda: session, timeout=30)


def contents(files: BoardFiles, root: str = "/") -> dict[str, bytes]:
    """Every file below a folder with what is in it."""
    return {path: files.read(path) for path in files.manifest(root, hashes=False).files}


def folders_above(paths: Mapping[str, bytes], dst: str) -> set[str]:
    """The folders between a folder and files below it."""
    found = set()
    for path in paths:
        while len(path := path.rpartition("/")[0]) > len(dst.rstrip("/")):
            found.add(path)
    return found


def sync(files: BoardFiles, wanted: Mapping[str, bytes], dst: str = "/") -> Plan:
    """Make the folder ``dst`` contain these files and no others."""
    todo = plan(
        [WantedFile(path, data) for path, data in wanted.items()],
        folders_above(wanted, dst),
        files.manifest(dst),
        dst=dst,
        keep=(),
    )
    apply(files, todo)
    return todo
