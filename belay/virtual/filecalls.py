# SPDX-License-Identifier: Apache-2.0
"""The interpreter's system calls for files, on a :class:`Filesystem`.

Frozen modules live under ``/.board``: importable, since that folder is on ``sys.path``, but never
listed in ``/`` and read-only, so nothing that syncs or wipes the board's files can touch them.
"""

from __future__ import annotations

import contextlib
import posixpath
import struct
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from .errnos import Errno, fail
from .filesystem import BLOCK, Entry, Filesystem, OpenFile, OpenMode, split

if TYPE_CHECKING:
    from .vm import MachineHost
    from .wasmcalls import LinearMemory

__all__ = ["CIRCUITPYTHON", "FROZEN", "MODULES", "REPLACED", "FileCalls"]

FROZEN = "/.board"
"""Where the frozen modules are found by ``import``."""

CIRCUITPYTHON = FROZEN + "/circuit"
"""The same for those of a board that runs CircuitPython."""

REPLACED = FROZEN + "/replaced"
"""The same for those that come before modules of the build with the same name."""

MODULES = Path(__file__).with_name("modules")
"""The host's folder of the frozen modules."""

# open(2) flags of the interpreter's C library (musl).
_ACCESS, _CREATE, _EXCLUSIVE, _TRUNCATE, _APPEND, _DIRECTORY = (
    0o3,
    0o100,
    0o200,
    0o1000,
    0o2000,
    0o200000,
)
_EINTR = 27  # the C library's own number: its caller compares with it and tries again
_POLL_IN, _POLL_OUT = 1, 4
_DIRENT = 280  # sizeof(struct dirent)


class _Directory:
    """An open directory: what is left to list."""

    def __init__(self, names: list[tuple[str, bool]]) -> None:
        self.left = names


class _FrozenFile(OpenFile):
    def __init__(self, path: Path) -> None:
        self._data = path.read_bytes()
        self._at = 0

    def read(self, count: int) -> bytes:
        data = self._data[self._at : self._at + count]
        self._at += len(data)
        return data

    def write(self, data: bytes) -> int:
        raise fail(Errno.EBADF)

    def seek(self, offset: int, whence: int) -> int:
        self._at = max(0, (0, self._at, len(self._data))[whence] + offset)
        return self._at

    def entry(self) -> Entry:
        return Entry(False, len(self._data), 0)

    def close(self) -> None:
        pass


class FileCalls:
    """System calls by the name of the import.

    Args:
        filesystem: the board's flash.
        host: where standard input comes from.
    """

    memory: LinearMemory

    def __init__(self, filesystem: Filesystem, host: MachineHost) -> None:
        self._fs, self._host = filesystem, host
        self._cwd = filesystem.home
        self._open: dict[int, OpenFile | _Directory] = {}

    def imports(self) -> dict[str, Callable[..., int]]:
        """Host functions by the name of the import they answer."""
        return {
            "__syscall_chdir": _negated(self._chdir),
            "__syscall_getcwd": _negated(self._getcwd),
            "__syscall_mkdirat": _negated(self._mkdirat),
            "__syscall_rmdir": _negated(self._rmdir),
            "__syscall_unlinkat": _negated(self._unlinkat),
            "__syscall_renameat": _negated(self._renameat),
            "__syscall_openat": _negated(self._openat),
            "__syscall_getdents64": _negated(self._getdents),
            "__syscall_stat64": _negated(self._stat),
            "__syscall_lstat64": _negated(self._stat),
            "__syscall_newfstatat": _negated(self._fstatat),
            "__syscall_fstat64": _negated(self._fstat),
            "__syscall_statfs64": _negated(self._statfs),
            "__syscall_poll": _negated(self._poll),
            "fd_close": _positive(self._close),
            "fd_sync": _positive(self._sync),
            "fd_seek": _positive(self._seek),
            "fd_read": _positive(self._read),
        }

    def connect_stderr(self, file: OpenFile) -> None:
        """Let descriptor 2 be a file."""
        self._open[2] = file

    def close_all(self, power_cut: bool = False) -> None:
        """Close what the program left open, or take its power away."""
        for handle in self._open.values():
            if isinstance(handle, OpenFile):
                with contextlib.suppress(OSError):
                    handle.abandon() if power_cut else handle.close()
        self._open.clear()

    # ---- paths

    def _path(self, address: int) -> str:
        return self._fs.spelled(self._as_given(address))

    def _as_given(self, address: int) -> str:
        path = posixpath.normpath(posixpath.join(self._cwd, self.memory.text(address)))
        return "/" + path.lstrip("/")

    def _writable(self, address: int) -> str:
        path = self._path(address)
        if self._fs.read_only or _frozen(path) is not None:
            raise fail(Errno.EROFS, path)
        return path

    def _entry(self, path: str) -> Entry:
        frozen = _frozen(path)
        if frozen is None:
            return self._fs.stat(path)
        if frozen.is_dir():
            return Entry(True, 0, 0)
        if not frozen.is_file():
            raise fail(Errno.ENOENT, path)
        return Entry(False, frozen.stat().st_size, 0)

    def _chdir(self, path: int) -> int:
        target = self._path(path)
        if not self._entry(target).is_directory:
            raise fail(Errno.ENOTDIR, target)
        self._cwd = target
        return 0

    def _getcwd(self, buffer: int, size: int) -> int:
        data = self._cwd.encode("utf-8", "surrogateescape") + b"\0"
        if len(data) > size:
            return -68  # ERANGE in the interpreter's C library, which nothing compares
        self.memory.write(buffer, data)
        return len(data)

    def _mkdirat(self, _at: int, path: int, _mode: int) -> int:
        self._fs.mkdir(self._writable(path))
        return 0

    def _rmdir(self, path: int) -> int:
        self._fs.rmdir(self._writable(path))
        return 0

    def _unlinkat(self, _at: int, path: int, flags: int) -> int:
        target = self._writable(path)
        if flags:
            self._fs.rmdir(target)
        else:
            self._fs.unlink(target)
        return 0

    def _renameat(self, _at: int, old: int, _to: int, new: int) -> int:
        source, target = self._writable(old), self._writable(new)
        if self._fs.fat:  # what takes a name takes its case with it
            there, target = target, posixpath.join(split(target)[0], split(self._as_given(new))[1])
            if there not in (source, target):
                with contextlib.suppress(FileNotFoundError):
                    self._fs.unlink(there)
        self._fs.rename(source, target)
        return 0

    # ---- files

    def _openat(self, _at: int, address: int, flags: int, _variadic: int) -> int:
        path = self._path(address)
        if flags & _DIRECTORY:
            return self._add(_Directory([(".", True), ("..", True), *self._names(path)]))
        mode = OpenMode(
            read=flags & _ACCESS != 1,
            write=flags & _ACCESS != 0,
            create=bool(flags & _CREATE),
            exclusive=bool(flags & _EXCLUSIVE),
            truncate=bool(flags & _TRUNCATE),
            append=bool(flags & _APPEND),
        )
        frozen = _frozen(path)
        if frozen is None:
            if mode.write and self._fs.read_only:
                raise fail(Errno.EROFS, path)
            return self._add(self._fs.open(path, mode))
        if mode.write:
            raise fail(Errno.EROFS, path)
        if not frozen.is_file():
            raise fail(Errno.EISDIR if frozen.is_dir() else Errno.ENOENT, path)
        return self._add(_FrozenFile(frozen))

    def _names(self, path: str) -> list[tuple[str, bool]]:
        frozen = _frozen(path)
        if frozen is None:
            return self._fs.names(path)
        if not frozen.is_dir():
            raise fail(Errno.ENOENT, path)
        return sorted((kid.name, kid.is_dir()) for kid in frozen.iterdir() if kid.suffix == ".py")

    def _add(self, handle: OpenFile | _Directory) -> int:
        number = 3
        while number in self._open:
            number += 1
        self._open[number] = handle
        return number

    def _file(self, number: int) -> OpenFile:
        handle = self._open.get(number)
        if not isinstance(handle, OpenFile):
            raise fail(Errno.EISDIR if handle else Errno.EBADF)
        return handle

    def _close(self, number: int) -> int:
        handle = self._open.pop(number, None)
        if isinstance(handle, OpenFile):
            handle.close()
        return 0 if handle or number < 3 else Errno.EBADF

    def _sync(self, number: int) -> int:
        if number > 2:
            self._file(number).sync()
        return 0

    def _seek(self, number: int, offset: int, whence: int, out: int) -> int:
        if number < 3:
            return Errno.ESPIPE
        if offset >> 63:
            offset -= 1 << 64
        position = self._file(number).seek(offset, whence)
        self.memory.write(out, struct.pack("<q", position))
        return 0

    def _buffers(self, address: int, count: int) -> list[tuple[int, int]]:
        words = struct.unpack(f"<{2 * count}I", self.memory.read(address, 8 * count))
        return list(zip(words[::2], words[1::2], strict=True))

    def _read(self, number: int, address: int, count: int, out: int) -> int:
        total = 0
        for buffer, size in self._buffers(address, count):
            if not size:
                continue
            if number == 0:
                # One buffer only: what has arrived is an answer, waiting for more is not.
                data = self._host.read_input(size)
                if data is None:
                    return _EINTR
            else:
                data = self._file(number).read(size)
            self.memory.write(buffer, data)
            total += len(data)
            if len(data) < size or number == 0:
                break
        self.memory.write(out, struct.pack("<I", total))
        return 0

    def fd_write(self, number: int, address: int, count: int, out: int) -> int:
        """Write to a file; standard output never comes here, the bridge keeps it."""
        try:
            file = self._file(number)
            total = 0
            for buffer, size in self._buffers(address, count):
                total += file.write(self.memory.read(buffer, size)) if size else 0
        except OSError as error:
            return error.errno or Errno.EIO
        self.memory.write(out, struct.pack("<I", total))
        return 0

    def _getdents(self, number: int, address: int, size: int) -> int:
        handle = self._open.get(number)
        if not isinstance(handle, _Directory):
            raise fail(Errno.EBADF)
        at = 0
        while handle.left and at + _DIRENT <= size:
            name, is_directory = handle.left.pop(0)
            text = name.encode("utf-8", "surrogateescape")[:255]
            head = struct.pack("<QQHB", 1, at, _DIRENT, 4 if is_directory else 8)
            self.memory.write(address + at, head + text + b"\0")
            at += _DIRENT
        return at

    # ---- facts

    def _put_stat(self, address: int, entry: Entry) -> int:
        kind = 0o040000 if entry.is_directory else 0o100000  # boards have no permissions
        seconds = int(entry.modified)
        times = (seconds, 0, 0) * 3
        blocks = (entry.size + 511) // 512
        head = (1, kind, 1, 0, 0, 0, entry.size, BLOCK, blocks)
        self.memory.write(address, struct.pack("<IIIIIIqiiqIIqIIqIIQ", *head, *times, 1))
        return 0

    def _stat(self, path: int, out: int) -> int:
        return self._put_stat(out, self._entry(self._path(path)))

    def _fstatat(self, _at: int, path: int, out: int, _flags: int) -> int:
        return self._stat(path, out)

    def _fstat(self, number: int, out: int) -> int:
        return self._put_stat(out, self._file(number).entry())

    def _statfs(self, _path: int, _size: int, out: int) -> int:
        self._fs.refresh()
        blocks, free = self._fs.blocks, self._fs.free
        facts = (0, BLOCK, blocks, free, free, blocks, free, 1, 0, 255, BLOCK, 0)
        self.memory.write(out, struct.pack("<IIQQQQQIIIII", *facts))
        return 0

    def _poll(self, address: int, count: int, timeout: int) -> int:
        milliseconds = timeout - (1 << 32) if timeout >> 31 else timeout
        ready = self._poll_once(address, count)
        if not ready and milliseconds:
            self._host.poll_wait(milliseconds)
            ready = self._poll_once(address, count)
        return ready

    def _poll_once(self, address: int, count: int) -> int:
        ready = 0
        for at in range(address, address + 8 * count, 8):
            number, wanted = struct.unpack("<ih", self.memory.read(at, 6))
            if number == 0:
                seen = _POLL_IN if self._host.input_waiting() else 0
            elif number in (1, 2):
                seen = _POLL_OUT
            else:
                seen = _POLL_IN | _POLL_OUT
            seen &= wanted
            self.memory.write(at + 6, struct.pack("<h", seen))
            ready += bool(seen)
        return ready


def _frozen(path: str) -> Path | None:
    """Where a frozen path lies on the host; None for a path of the board's own files."""
    if path == FROZEN:
        return MODULES
    if path.startswith(FROZEN + "/"):
        return MODULES / path[len(FROZEN) + 1 :]
    return None


def _negated(function: Callable[..., int]) -> Callable[..., int]:
    """A system call answers with its result or the negative error number."""

    def call(*args: int) -> int:
        try:
            return function(*args)
        except OSError as error:
            return -(error.errno or Errno.EIO)

    return call


def _positive(function: Callable[..., int]) -> Callable[..., int]:
    """A WASI call answers with 0 or the error number."""

    def call(*args: int) -> int:
        try:
            return function(*args)
        except OSError as error:
            return error.errno or Errno.EIO

    return call
