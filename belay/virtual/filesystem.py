# SPDX-License-Identifier: Apache-2.0
"""The board's flash: a tree of files with a size limit, in memory or (see :mod:`folder`) on disk.

Paths are absolute, normal (no ``.``, ``..`` or double slash) and use ``/``. Errors are
``OSError`` with Linux's numbers, which are MicroPython's.

Space is counted in blocks: a file takes as many as its bytes fill, a directory takes one.

As littlefs has it, what a program writes is in the flash when it syncs or closes the file, all at
once: until then everybody else, and whoever looks after a power cut, finds the old content. Where
a write does not fit, nothing of this handle gets there. Renaming replaces a file in one step.
"""

from __future__ import annotations

import contextlib
import math
import random
import re
import time
from abc import ABC, abstractmethod
from dataclasses import dataclass, field

from .errnos import Errno, fail

__all__ = [
    "BLOCK",
    "DEFAULT_FLASH",
    "Entry",
    "Filesystem",
    "MemoryFilesystem",
    "OpenFile",
    "OpenMode",
    "WorkingCopy",
    "split",
]

BLOCK = 4096
"""Bytes of an erase block, the unit that space is counted in."""

DEFAULT_FLASH = 4 << 20
"""Bytes of flash for files when nothing else was asked for."""

_NAME_LIMIT = 255
_NOT_ON_FAT = re.compile(r'["*:<>?|\x00-\x1f\x7f]')


@dataclass(frozen=True)
class Entry:
    """What a directory says of a name.

    Attributes:
        is_directory: or a file.
        size: bytes; 0 for a directory.
        modified: seconds since 1970.
    """

    is_directory: bool
    size: int
    modified: float


@dataclass(frozen=True)
class OpenMode:
    """How to open a file, spelled out from the flags of ``open(2)``."""

    read: bool = True
    write: bool = False
    create: bool = False
    exclusive: bool = False
    truncate: bool = False
    append: bool = False


class OpenFile(ABC):
    """An open file with a position."""

    @abstractmethod
    def read(self, count: int) -> bytes:
        """Up to ``count`` bytes from the position on; b"" at the end."""

    @abstractmethod
    def write(self, data: bytes) -> int:
        """Write all of it at the position; ENOSPC, and nothing written, when it does not fit."""

    @abstractmethod
    def seek(self, offset: int, whence: int) -> int:
        """Move as ``lseek(2)`` does; returns the new position."""

    @abstractmethod
    def entry(self) -> Entry:
        """Size and time of the file."""

    @abstractmethod
    def close(self) -> None:
        """Release it; what was written is in the flash from now on."""

    def sync(self) -> None:  # noqa: B027 - what is not written needs none
        """What was written is in the flash from now on."""

    def abandon(self) -> None:
        """The power is cut: release it, and leave the flash as it is."""
        self.close()


class WorkingCopy(OpenFile):
    """A file as one handle has it, whose content goes to the flash as a whole.

    Args:
        owner: the flash.
        mode: how it was opened.
        content: of the file, as it is in the flash.
    """

    def __init__(self, owner: Filesystem, mode: OpenMode, content: bytes | bytearray) -> None:
        self._owner, self._mode = owner, mode
        self._content = content  # shared until the first write
        self._mine = self._dirty = self._failed = False
        self._at = self._taken = self._written = 0
        self._shared = file_blocks(len(content))
        self._open = True
        if mode.truncate and mode.write:
            self._content, self._mine, self._dirty, self._shared = bytearray(), True, True, 0

    @abstractmethod
    def _commit(self, content: bytes | bytearray) -> None:
        """Put the content in the place of the old one, and account for the blocks of both."""

    @abstractmethod
    def _modified(self) -> float:
        """When the file in the flash was changed last."""

    def read(self, count: int) -> bytes:
        """See :meth:`OpenFile.read`."""
        if not self._mode.read:
            raise fail(Errno.EBADF)
        data = bytes(self._content[self._at : self._at + count])
        self._at += len(data)
        return data

    def write(self, data: bytes) -> int:
        """See :meth:`OpenFile.write`."""
        if not self._mode.write:
            raise fail(Errno.EBADF)
        start = len(self._content) if self._mode.append else self._at
        end = start + len(data)
        if data:
            self._take(file_blocks(max(end, len(self._content))) - self._shared)
            self._written += len(data)
            if not self._mine:
                self._content, self._mine = bytearray(self._content), True
            content = self._content
            assert isinstance(content, bytearray)
            if start > len(content):
                content.extend(bytes(start - len(content)))
            content[start:end] = data
            self._dirty = True
        self._at = end
        return len(data)

    def _take(self, blocks: int) -> None:
        """Have so many blocks in all for what is new."""
        try:
            self._owner.take(max(0, blocks) - self._taken)
        except OSError:
            self._failed = True
            raise
        self._taken = max(0, blocks)

    def seek(self, offset: int, whence: int) -> int:
        """See :meth:`OpenFile.seek`."""
        base = {0: 0, 1: self._at, 2: len(self._content)}.get(whence)
        if base is None or base + offset < 0:
            raise fail(Errno.EINVAL)
        self._at = base + offset
        return self._at

    def entry(self) -> Entry:
        """Size as this handle has it, time as the flash has it."""
        return Entry(False, len(self._content), self._modified())

    def sync(self) -> None:
        """See :meth:`OpenFile.sync`."""
        if not self._dirty or self._failed:
            return
        self._give_back()
        self._commit(self._owner.stored(self._content, max(1, file_blocks(self._written))))
        self._written = 0
        self._mine = self._dirty = False
        self._shared = file_blocks(len(self._content))

    def close(self) -> None:
        """See :meth:`OpenFile.close`."""
        if self._open:
            self._open = False
            try:
                self.sync()
            finally:
                self._give_back()

    def abandon(self) -> None:
        """See :meth:`OpenFile.abandon`."""
        self._failed = True
        self.close()

    @property
    def taken(self) -> int:
        """Blocks that it has for what is not in the flash yet."""
        return self._taken

    def _give_back(self) -> None:
        self._owner.take(-self._taken)
        self._taken = 0


class Filesystem(ABC):
    """What the board's ``/`` can do. Not thread-safe: only the board's own thread uses it.

    Attributes:
        blocks: how many there are.
        used: and how many are taken.
        read_only: programs on the board cannot write (EROFS); who calls the methods here can.
        fat: programs on the board find FAT's names: no case, and some characters less.
        home: the directory in which programs begin.
        full: nothing more fits, a fault.
        worn: the chance of each byte that is stored that one of its bits turns over, a fault.
        slow: seconds that each block takes to be written, a fault.
        random: where the bits are drawn from.
    """

    home = "/"

    def __init__(self, flash: int = DEFAULT_FLASH) -> None:
        self.blocks = max(flash, BLOCK) // BLOCK
        self.used = 0
        self.read_only = False
        self.fat = False
        self.full = False
        self.worn = self.slow = 0.0
        self.random = random.Random()

    def spelled(self, path: str) -> str:
        """The path as what is there is called: on FAT, ``/A.PY`` may be ``/a.py``."""
        if not self.fat:
            return path
        at = ""
        for name in path.split("/")[1:]:
            if _NOT_ON_FAT.search(name):
                raise fail(Errno.EINVAL, path)
            with contextlib.suppress(OSError):
                names = [there for there, _ in self.names(at or "/")]
                name = next((each for each in names if each.upper() == name.upper()), name)
            at += f"/{name}"
        return at

    @property
    def free(self) -> int:
        """Blocks that are free."""
        return 0 if self.full else max(0, self.blocks - self.used)

    def take(self, blocks: int) -> None:
        """Use so many blocks more, or less where negative; ENOSPC when there are not as many."""
        if blocks > self.free:
            raise fail(Errno.ENOSPC)
        self.used += blocks

    def stored(self, content: bytes | bytearray, blocks: int) -> bytes | bytearray:
        """What is found later where this is stored now.

        Args:
            content: of a file.
            blocks: how many of it are written.
        """
        if self.slow:
            time.sleep(self.slow * blocks)
        if not self.worn or not content:
            return content
        found, at = bytearray(content), 0
        while True:
            # The distance to the next byte that is hit, drawn at once.
            gap = (
                math.log(1 - self.random.random()) / math.log1p(-self.worn) if self.worn < 1 else 0
            )
            if at + gap >= len(found):
                return found
            at += int(gap)
            found[at] ^= 1 << self.random.randrange(8)
            at += 1

    def refresh(self) -> None:  # noqa: B027 - only a tree that others change needs it
        """Count the used blocks again, where something else may have changed the tree."""

    @abstractmethod
    def stat(self, path: str) -> Entry:
        """What is at ``path``."""

    @abstractmethod
    def names(self, path: str) -> list[tuple[str, bool]]:
        """(name, is a directory) of everything in the directory ``path``, sorted."""

    @abstractmethod
    def mkdir(self, path: str) -> None:
        """Make a directory."""

    @abstractmethod
    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""

    @abstractmethod
    def unlink(self, path: str) -> None:
        """Remove a file."""

    @abstractmethod
    def rename(self, old: str, new: str) -> None:
        """Move a file or a directory; an existing file, or empty directory, is replaced."""

    @abstractmethod
    def open(self, path: str, mode: OpenMode) -> OpenFile:
        """Open a file."""


def file_blocks(size: int) -> int:
    """Blocks that a file of ``size`` bytes takes."""
    return (size + BLOCK - 1) // BLOCK


def split(path: str) -> tuple[str, str]:
    """(directory, name) of a normal path; the name of ``/`` is empty."""
    head, _, tail = path.rpartition("/")
    return head or "/", tail


@dataclass
class _File:
    data: bytes | bytearray = b""  # replaced, never changed: handles hold on to it
    modified: float = field(default_factory=time.time)
    unlinked: bool = False


@dataclass
class _Directory:
    children: dict[str, _Node] = field(default_factory=dict)
    modified: float = field(default_factory=time.time)


_Node = _File | _Directory


class _MemoryFile(WorkingCopy):
    def __init__(self, owner: MemoryFilesystem, node: _File, mode: OpenMode) -> None:
        self._node = node
        super().__init__(owner, mode, node.data)

    def _modified(self) -> float:
        return self._node.modified

    def _commit(self, content: bytes | bytearray) -> None:
        node = self._node
        if node.unlinked:
            return
        self._owner.used += file_blocks(len(content)) - file_blocks(len(node.data))
        node.data, node.modified = content, time.time()


class MemoryFilesystem(Filesystem):
    """Flash that lives as long as the board does."""

    def __init__(self, flash: int = DEFAULT_FLASH) -> None:
        super().__init__(flash)
        self._root = _Directory()

    def _find(self, path: str) -> _Node:
        node: _Node = self._root
        for name in path.split("/")[1:]:
            if not name:
                continue
            if isinstance(node, _File):
                raise fail(Errno.ENOTDIR, path)
            child = node.children.get(name)
            if child is None:
                raise fail(Errno.ENOENT, path)
            node = child
        return node

    def _parent(self, path: str) -> tuple[_Directory, str]:
        directory, name = split(path)
        if len(name.encode("utf-8", "surrogateescape")) > _NAME_LIMIT:
            raise fail(Errno.ENAMETOOLONG, path)
        node = self._find(directory)
        if isinstance(node, _File):
            raise fail(Errno.ENOTDIR, path)
        return node, name

    def _drop(self, node: _File) -> None:
        node.unlinked = True
        self.used -= file_blocks(len(node.data))

    def stat(self, path: str) -> Entry:
        """What is at ``path``."""
        node = self._find(path)
        if isinstance(node, _File):
            return Entry(False, len(node.data), node.modified)
        return Entry(True, 0, node.modified)

    def names(self, path: str) -> list[tuple[str, bool]]:
        """(name, is a directory) of everything in a directory, sorted."""
        node = self._find(path)
        if isinstance(node, _File):
            raise fail(Errno.ENOTDIR, path)
        return sorted((name, isinstance(kid, _Directory)) for name, kid in node.children.items())

    def mkdir(self, path: str) -> None:
        """Make a directory."""
        parent, name = self._parent(path)
        if not name or name in parent.children:
            raise fail(Errno.EEXIST, path)
        if not self.free:
            raise fail(Errno.ENOSPC, path)
        self.used += 1
        parent.children[name] = _Directory()

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        node = self._find(path)
        if isinstance(node, _File):
            raise fail(Errno.ENOTDIR, path)
        if node is self._root:
            raise fail(Errno.EINVAL, path)
        if node.children:
            raise fail(Errno.ENOTEMPTY, path)
        parent, name = self._parent(path)
        del parent.children[name]
        self.used -= 1

    def unlink(self, path: str) -> None:
        """Remove a file."""
        node = self._find(path)
        if isinstance(node, _Directory):
            raise fail(Errno.EISDIR, path)
        parent, name = self._parent(path)
        del parent.children[name]
        self._drop(node)

    def rename(self, old: str, new: str) -> None:
        """Move a file or a directory."""
        node = self._find(old)
        parent, name = self._parent(old)
        if node is self._root or not split(new)[1]:
            raise fail(Errno.EINVAL, new)
        if new.startswith(old + "/"):
            raise fail(Errno.EINVAL, new)
        target, target_name = self._parent(new)
        there = target.children.get(target_name)
        if there is node:
            return
        if isinstance(there, _Directory):
            if isinstance(node, _File):
                raise fail(Errno.EISDIR, new)
            if there.children:
                raise fail(Errno.ENOTEMPTY, new)
            self.used -= 1
        elif there is not None:
            if isinstance(node, _Directory):
                raise fail(Errno.ENOTDIR, new)
            self._drop(there)
        del parent.children[name]
        target.children[target_name] = node

    def open(self, path: str, mode: OpenMode) -> OpenFile:
        """Open a file."""
        parent, name = self._parent(path)
        node = parent.children.get(name) if name else parent
        if isinstance(node, _Directory):
            raise fail(Errno.EISDIR, path)
        if node is None:
            if not mode.create:
                raise fail(Errno.ENOENT, path)
            node = parent.children[name] = _File()
        elif mode.exclusive:
            raise fail(Errno.EEXIST, path)
        return _MemoryFile(self, node, mode)
