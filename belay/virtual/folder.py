# SPDX-License-Identifier: Apache-2.0
"""The board's flash kept in a folder of the host, so that it outlives the board.

The board cannot leave the folder: ``..`` is gone before a path arrives here, and a symbolic link
that leads out of it (like a device or a pipe in it) does not exist for the board.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from .errnos import Errno, board_error, fail
from .filesystem import (
    DEFAULT_FLASH,
    Entry,
    Filesystem,
    OpenFile,
    OpenMode,
    file_blocks,
    split,
)

__all__ = ["FolderFilesystem"]

_T = TypeVar("_T")
_BINARY = getattr(os, "O_BINARY", 0)


class _FolderFile(OpenFile):
    def __init__(self, owner: FolderFilesystem, descriptor: int, mode: OpenMode) -> None:
        self._owner, self._fd, self._mode = owner, descriptor, mode

    def read(self, count: int) -> bytes:
        return _translated(os.read, self._fd, count)

    def write(self, data: bytes) -> int:
        if not self._mode.write:
            raise fail(Errno.EBADF)
        size = os.fstat(self._fd).st_size
        start = size if self._mode.append else os.lseek(self._fd, 0, os.SEEK_CUR)
        if data:
            self._owner.reserve(size, max(size, start + len(data)))
        view = memoryview(data)
        while view:
            view = view[_translated(os.write, self._fd, view) :]
        return len(data)

    def seek(self, offset: int, whence: int) -> int:
        return _translated(os.lseek, self._fd, offset, whence)

    def entry(self) -> Entry:
        return _entry(os.fstat(self._fd))

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class FolderFilesystem(Filesystem):
    """Flash in a folder, which is made when it does not exist.

    Args:
        folder: where the board's ``/`` is.
        flash: bytes that the files may take in all.
    """

    def __init__(self, folder: str | os.PathLike[str], flash: int = DEFAULT_FLASH) -> None:
        super().__init__(flash)
        Path(folder).mkdir(parents=True, exist_ok=True)
        self._root = os.path.realpath(folder)
        self.refresh()

    def refresh(self) -> None:
        """Count again: the folder may have been edited from the host."""
        used = 0
        for directory, folders, files in os.walk(self._root):
            used += len(folders)
            for name in files:
                try:
                    info = os.lstat(os.path.join(directory, name))
                except OSError:
                    continue
                used += file_blocks(info.st_size) if stat.S_ISREG(info.st_mode) else 0
        self.used = used

    def _inside(self, real: str) -> bool:
        return real == self._root or real.startswith(self._root + os.sep)

    def _name(self, path: str) -> str:
        """Host path of the name itself: its directory followed through links, it is not."""
        directory, name = split(path)
        parent = os.path.realpath(self._root + directory)
        if not self._inside(parent):
            raise fail(Errno.ENOENT, path)
        if not os.path.isdir(parent):
            while not os.path.lexists(parent):
                parent = os.path.dirname(parent)
            raise fail(Errno.ENOENT if os.path.isdir(parent) else Errno.ENOTDIR, path)
        return os.path.join(parent, name) if name else self._root or os.sep

    def _target(self, path: str) -> str:
        """Host path of what the name stands for; it need not exist yet."""
        real = os.path.realpath(self._name(path))
        if not self._inside(real):
            raise fail(Errno.ENOENT, path)
        return real

    def _stat(self, path: str) -> tuple[str, os.stat_result]:
        real = self._target(path)
        info = _translated(os.stat, real)
        if not self._ordinary(info.st_mode):
            raise fail(Errno.ENOENT, path)
        return real, info

    def _ordinary(self, mode: int) -> bool:
        return stat.S_ISREG(mode) or stat.S_ISDIR(mode)

    def stat(self, path: str) -> Entry:
        """What is at ``path``."""
        return _entry(self._stat(path)[1])

    def names(self, path: str) -> list[tuple[str, bool]]:
        """(name, is a directory) of everything in a directory, sorted."""
        real, info = self._stat(path)
        if not stat.S_ISDIR(info.st_mode):
            raise fail(Errno.ENOTDIR, path)
        found = []
        for name in sorted(os.listdir(real)):
            try:
                entry = self.stat(path.rstrip("/") + "/" + name)
            except OSError:
                continue  # leads out of the folder, is no file, or has just gone
            found.append((name, entry.is_directory))
        return found

    def mkdir(self, path: str) -> None:
        """Make a directory."""
        name = self._name(path)
        if os.path.lexists(name):
            raise fail(Errno.EEXIST, path)
        if not self.free:
            raise fail(Errno.ENOSPC, path)
        _translated(os.mkdir, name)
        self.used += 1

    def rmdir(self, path: str) -> None:
        """Remove an empty directory."""
        real, info = self._stat(path)
        if not stat.S_ISDIR(info.st_mode):
            raise fail(Errno.ENOTDIR, path)
        if real == self._root:
            raise fail(Errno.EINVAL, path)
        if os.listdir(real):
            raise fail(Errno.ENOTEMPTY, path)
        _translated(os.rmdir, self._name(path))
        self.used -= 1

    def unlink(self, path: str) -> None:
        """Remove a file."""
        _, info = self._stat(path)
        if stat.S_ISDIR(info.st_mode):
            raise fail(Errno.EISDIR, path)
        name = self._name(path)
        linked = os.path.islink(name)
        _translated(os.unlink, name)
        if not linked:
            self.used -= file_blocks(info.st_size)

    def rename(self, old: str, new: str) -> None:
        """Move a file or a directory."""
        real, info = self._stat(old)
        if real == self._root or not split(new)[1] or new.startswith(old + "/"):
            raise fail(Errno.EINVAL, new)
        source, target = self._name(old), self._name(new)
        freed = 0
        if os.path.lexists(target) and not os.path.samefile(source, target):
            freed = self._check_replace(stat.S_ISDIR(info.st_mode), new, target)
        _translated(os.replace, source, target)
        self.used -= freed

    def _check_replace(self, moves_directory: bool, path: str, target: str) -> int:
        """Blocks that are freed when ``target`` is replaced; an error when it may not be."""
        if os.path.islink(target):
            return 0
        info = os.lstat(target)
        if stat.S_ISDIR(info.st_mode):
            if not moves_directory:
                raise fail(Errno.EISDIR, path)
            if os.listdir(target):
                raise fail(Errno.ENOTEMPTY, path)
            os.rmdir(target)  # Windows replaces no directory
            return 1
        if moves_directory:
            raise fail(Errno.ENOTDIR, path)
        return file_blocks(info.st_size)

    def open(self, path: str, mode: OpenMode) -> OpenFile:
        """Open a file."""
        real = self._target(path)
        old = 0
        if os.path.lexists(real):
            info = self._stat(path)[1]
            if stat.S_ISDIR(info.st_mode):
                raise fail(Errno.EISDIR, path)
            if mode.create and mode.exclusive:
                raise fail(Errno.EEXIST, path)
            old = info.st_size
        elif not mode.create:
            raise fail(Errno.ENOENT, path)
        flags = _BINARY | (os.O_RDWR if mode.read else os.O_WRONLY) if mode.write else _BINARY
        flags |= os.O_CREAT if mode.create else 0
        flags |= os.O_APPEND if mode.append else 0
        if mode.truncate and mode.write:
            flags |= os.O_TRUNC
            self.reserve(old, 0)
        return _FolderFile(self, _translated(os.open, real, flags, 0o666), mode)


def _entry(info: os.stat_result) -> Entry:
    is_directory = stat.S_ISDIR(info.st_mode)
    return Entry(is_directory, 0 if is_directory else info.st_size, info.st_mtime)


def _translated(function: Callable[..., _T], *args: object) -> _T:
    """Call the host's file system; its errors become the board's."""
    try:
        return function(*args)
    except OSError as error:
        raise fail(board_error(error)) from None
