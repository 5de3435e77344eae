# SPDX-License-Identifier: Apache-2.0
"""What is on a board, and what is to be there."""

from __future__ import annotations

import hashlib
import zlib
from dataclasses import dataclass, field
from typing import NamedTuple

__all__ = ["LEFTOVER", "BoardFile", "BoardManifest", "WantedFile", "digest"]

LEFTOVER = ".belay.part"
"""Name of what a file is called while it is written, in the folder where it belongs."""


def digest(data: bytes, hash_name: str) -> bytes:
    """What a board of this hash answers for a file of these bytes.

    Args:
        data: the whole file.
        hash_name: ``"sha256"``, or ``"crc32"`` for 4 bytes, the lowest first.

    Raises:
        ValueError: another name.
    """
    if hash_name == "sha256":
        return hashlib.sha256(data).digest()
    if hash_name == "crc32":
        return zlib.crc32(data).to_bytes(4, "little")
    raise ValueError(f"no such hash on boards: {hash_name!r}")


class BoardFile(NamedTuple):
    """A file of a board.

    Attributes:
        size: in bytes.
        digest: of the whole file, by the manifest's ``hash_name``; empty when not asked for.
        modified: when it was written, in seconds of the board's own epoch and clock, which may
            never have been set.
    """

    size: int
    digest: bytes = b""
    modified: int = 0


@dataclass
class BoardManifest:
    """Everything below a folder of a board.

    Paths are absolute, normal posix text: ``/``, ``/lib/a.py``.

    Attributes:
        root: the folder.
        files: its files, of all levels.
        folders: its folders, of all levels, and ``root`` itself where it is one.
        hash_name: ``"sha256"``, or ``"crc32"`` (4 bytes, little endian) where the board lacks it.
        block: bytes of the unit in which the file system gives space to files.
        free: bytes free; -1 when unknown.
        read_only: nothing can be written.
        mounts: those of ``folders`` in which another file system begins, such as a card's. What
            a sync does not know there is not its to remove.
    """

    root: str
    files: dict[str, BoardFile]
    folders: set[str]
    hash_name: str
    block: int
    free: int
    read_only: bool = False
    mounts: set[str] = field(default_factory=set)


class WantedFile(NamedTuple):
    """A file that is to be on a board.

    Attributes:
        path: there.
        data: its bytes, minified or compiled already.
        source: the host's file that it comes from, for messages.
    """

    path: str
    data: bytes
    source: str = ""

    def __repr__(self) -> str:
        return f"WantedFile({self.path!r}, <{len(self.data)} bytes>, {self.source!r})"

    def digest(self, hash_name: str) -> bytes:
        """Its digest; see :func:`digest`."""
        return digest(self.data, hash_name)
