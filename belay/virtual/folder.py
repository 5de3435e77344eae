# SPDX-License-Identifier: Apache-2.0
"""The board's flash kept in a folder of the host, so that it outlives the board.

A file is replaced as a whole, by renaming: whenever the process is killed, the folder has the old
content or the new one.

The board cannot leave the folder: ``..`` is gone before a path arrives here, and a symbolic link
that leads out of it (like a device or a pipe in it) does not exist for the board.
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
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
    WorkingCopy,
    file_blocks,
    split,
)

__all__ = ["FolderFilesystem"]

_T = TypeVar("_T")
_BINARY = getattr(os, "O_BINARY", 0)
_HALF = ".belay-half-written-"
"""What a name begins with while a file's new content is not complete. The board does not see it."""


class _FolderFile(WorkingCopy):
    """A file that is written to.

    Attributes:
        real: where it is on the host; None once it is removed or something else has its name.
    """

    def __init__(self, owner: FolderFilesystem, real: str, mode: OpenMode, content: bytes) -> None:
        self._folder, self.real = owner, real or None
        super().__init__(owner, mode, content)

    def _modified(self) -> float:
        return os.stat(self.real).st_mtime if self.real else time.time()

    def _commit(self, content: bytes | bytearray) -> None:
        if self.real is None:
            return
        old = os.stat(self.real).st_size
        self._folder.replace_content(self.real, content)
        self._owner.used += file_blocks(len(content)) - file_blocks(old)

    def close(self) -> None:
        super().close()
        self._folder.written.discard(self)


class _DirectFile(OpenFile):
    """A file of the host as it is; what is written is there at once."""

    def __init__(self, owner: FolderFilesystem, descriptor: int, mode: OpenMode) -> None:
        self._owner, self._fd, self._mode = owner, descriptor, mode

    def read(self, count: int) -> bytes:
        return _translated(os.read, self._fd, count)

    def write(self, data: bytes) -> int:
        if not self._mode.write:
            raise fail(Errno.EBADF)
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
        self.written: set[_FolderFile] = set()
        self.refresh()

    def refresh(self) -> None:
        """Count again: the folder may have been edited from the host."""
        used = sum(file.taken for file in self.written)
        for directory, folders, files in os.walk(self._root):
            used += len(folders)
            for name in files:
                path = os.path.join(directory, name)
                try:
                    info = os.lstat(path)
                    if name.startswith(_HALF):  # of a board that was killed while it wrote
                        os.unlink(path)
                        continue
                except OSError:
                    continue
                used += file_blocks(info.st_size) if stat.S_ISREG(info.st_mode) else 0
        self.used = used

    def replace_content(self, real: str, content: bytes | bytearray) -> None:
        """Put the content in the place of a file's, in one step."""
        half = os.path.join(os.path.dirname(real), f"{_HALF}{os.getpid()}")
        try:
            descriptor = os.open(half, _BINARY | os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o666)
            try:
                view = memoryview(content)
                while view:
                    view = view[os.write(descriptor, view) :]
                if hasattr(os, "fchmod"):
                    os.fchmod(descriptor, stat.S_IMODE(os.stat(real).st_mode))
            finally:
                os.close(descriptor)
            os.replace(half, real)
        except OSError as error:
            with contextlib.suppress(OSError):
                os.unlink(half)
            raise fail(board_error(error)) from None

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
            if name.startswith(_HALF):
                continue
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
        real = os.path.realpath(name)
        _translated(os.unlink, name)
        self._moved(real, None)
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
        before = os.path.realpath(source), os.path.realpath(target)
        _translated(os.replace, source, target)
        if before[0] != before[1]:
            self._moved(before[1], None)
            if not os.path.islink(target):
                self._moved(*before)
        self.used -= freed

    def _moved(self, real: str, to: str | None) -> None:
        """What handles wrote to goes where the name has gone."""
        for file in self.written:
            if file.real is None:
                continue
            if file.real == real:
                file.real = to
            elif to is not None and file.real.startswith(real + os.sep):
                file.real = to + file.real[len(real) :]

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
        if os.path.lexists(real):
            info = self._stat(path)[1]
            if stat.S_ISDIR(info.st_mode):
                raise fail(Errno.EISDIR, path)
            if mode.create and mode.exclusive:
                raise fail(Errno.EEXIST, path)
        elif not mode.create:
            raise fail(Errno.ENOENT, path)
        return self._opened(real, mode)

    def _opened(self, real: str, mode: OpenMode) -> OpenFile:
        if not mode.write:
            return _DirectFile(self, _translated(os.open, real, _BINARY), mode)
        if mode.create:
            os.close(_translated(os.open, real, _BINARY | os.O_CREAT | os.O_WRONLY, 0o666))
        content = b"" if mode.truncate else _translated(Path(real).read_bytes)
        file = _FolderFile(self, real, mode, content)
        self.written.add(file)
        return file

    def open_directly(self, real: str, mode: OpenMode) -> OpenFile:
        """Open a file of the host as it is."""
        flags = _BINARY | (os.O_RDWR if mode.read else os.O_WRONLY) if mode.write else _BINARY
        flags |= os.O_CREAT if mode.create else 0
        flags |= os.O_APPEND if mode.append else 0
        flags |= os.O_TRUNC if mode.truncate and mode.write else 0
        return _DirectFile(self, _translated(os.open, real, flags, 0o666), mode)


def _entry(info: os.stat_result) -> Entry:
    is_directory = stat.S_ISDIR(info.st_mode)
    return Entry(is_directory, 0 if is_directory else info.st_size, info.st_mtime)


def _translated(function: Callable[..., _T], *args: object) -> _T:
    """Call the host's file system; its errors become the board's."""
    try:
        return function(*args)
    except OSError as error:
        raise fail(board_error(error)) from None
