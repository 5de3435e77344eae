# SPDX-License-Identifier: Apache-2.0
"""The files of this computer, for a program that runs as one of it and not as a board's."""

from __future__ import annotations

import os
import shutil

from .filesystem import BLOCK, Filesystem, OpenFile, OpenMode
from .folder import FolderFilesystem

__all__ = ["HostFilesystem"]


class HostFilesystem(FolderFilesystem):
    """Everything there is, at its own place, from the current folder on.

    On Windows it is the drive of the current folder, whose root is ``/``.
    """

    def __init__(self) -> None:
        Filesystem.__init__(self)
        self.written = set()
        self._root, folder = os.path.splitdrive(os.getcwd())
        self.home = folder.replace(os.sep, "/")

    def path(self, name: str) -> str | None:
        """How a program calls what this computer calls ``name``; None for another drive."""
        drive, rest = os.path.splitdrive(os.path.expanduser(name))
        if drive and drive.lower() != self._root.lower():
            return None
        return rest.replace(os.sep, "/")

    def refresh(self) -> None:
        """Ask how much room there is."""
        total, _, free = shutil.disk_usage(self._root + "/")
        self.blocks, self.used = total // BLOCK, (total - free) // BLOCK

    @property
    def free(self) -> int:
        """Blocks that were free at the last :meth:`refresh`; the computer says when none are."""
        return max(1, self.blocks - self.used)

    def take(self, blocks: int) -> None:
        """The computer keeps its own accounts."""

    def _opened(self, real: str, mode: OpenMode) -> OpenFile:
        return self.open_directly(real, mode)

    def _inside(self, real: str) -> bool:
        return True

    def _ordinary(self, mode: int) -> bool:
        return True  # devices and pipes too
