# SPDX-License-Identifier: Apache-2.0
"""A folder of this computer for someone who is not to be trusted: nothing outside it is reached.

The questions of :mod:`belay.onboard.mount` and their answers. Whoever runs code on a board can ask
whatever he likes, so nothing is taken from the board's half: paths are looked at here, part by
part; links are followed only where they stay inside; only files and folders exist, no devices or
pipes; nothing is kept open from one question to the next. An answer is one byte, 0 or the number
of an error as boards have them, and then what was asked for, or a text for who reads the error.
"""

from __future__ import annotations

import bisect
import errno
import logging
import os
import re
import shutil
import stat
import struct
from collections.abc import Callable
from typing import Any

__all__ = ["HostFolder", "is_plain_name"]

log = logging.getLogger("belay")

FILE, FOLDER = 0x80, 0x40
"""What a board's ``os.stat`` and ``os.ilistdir`` call them, shifted by 8."""

MOST_ROOM = 8192
LEAST_ROOM = 300
MOST_PATH = 1024
"""Characters of a path."""

MOST_BYTES = (1 << 31) - 1
"""Of a file that a board writes to: what boards' own file systems can hold."""

_BLOCK = 4096

_NUMBERS = {
    errno.EPERM: 1, errno.ENOENT: 2, errno.EACCES: 13, errno.EBUSY: 16, errno.EEXIST: 17,
    errno.EXDEV: 18, errno.ENOTDIR: 20, errno.EISDIR: 21, errno.EINVAL: 22, errno.EFBIG: 27,
    errno.ENOSPC: 28, errno.EROFS: 30, errno.ENAMETOOLONG: 36, errno.ENOTEMPTY: 39,
}  # fmt: skip
"""Boards have Linux's numbers, whatever this computer's are."""

_NAMED = {1, 2, 13, 17, 21, 22}
"""Boards print names for these, and bare numbers for the others."""

_IO_ERROR, _CHANGED = 5, 116

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_NOT_ON_WINDOWS = re.compile(
    r'[<>:"|?*\\]|[. ]$|^(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³]) *(?:\.|$)',
    re.IGNORECASE,
)
"""Characters that mean something else there, names that are devices, and ends that it drops."""


_WINDOWS = os.name == "nt"


def is_plain_name(name: str, *, windows: bool = _WINDOWS) -> bool:
    """Whether it names something in a folder, and nothing else.

    Args:
        name: what a board calls it.
        windows: by the rules there.
    """
    if name in ("", ".", "..") or _CONTROL.search(name) or "/" in name:
        return False
    if windows and _NOT_ON_WINDOWS.search(name):
        return False
    try:
        return len(name.encode()) < 256
    except UnicodeEncodeError:
        return False


class _Refused(Exception):
    """An answer with a board's errno, and a text where that says too little."""

    def __init__(self, number: int, text: str = "") -> None:
        super().__init__(number, text)
        self.number, self.text = number, text


class HostFolder:
    """A folder of this computer, asked by a board.

    Args:
        folder: what the board sees as ``/``.
        readonly: nothing in it can be changed.
        name: what errors call it, such as ``/remote``.

    Attributes:
        root: the folder, with all links resolved.
    """

    def __init__(
        self, folder: str | os.PathLike[str], *, readonly: bool = True, name: str = "this folder"
    ) -> None:
        self.root = os.path.realpath(folder)
        self.readonly = readonly
        self._name = name
        self._inside = self.root.rstrip(os.sep) + os.sep
        self._windows = _WINDOWS
        self._does: dict[str, Callable[..., bytes]] = {
            "stat": self._stat,
            "statvfs": self._statvfs,
            "list": self._list,
            "open": self._open,
            "read": self._read,
            "write": self._write,
            "mkdir": self._mkdir,
            "rmdir": self._rmdir,
            "remove": self._remove,
            "rename": self._rename,
        }

    def answer(self, question: list[Any], room: int) -> bytes:
        """Answer one question. Whatever it says, this returns.

        Args:
            question: what to do, and with what.
            room: most bytes of the answer.
        """
        room = min(room, MOST_ROOM)
        if room < LEAST_ROOM:
            return bytes((_NUMBERS[errno.EINVAL],))
        try:
            return b"\0" + self._do(question, room - 1)
        except _Refused as refused:
            number, text = refused.number, refused.text
        except OSError as error:
            number, text = _NUMBERS.get(error.errno or 0, _IO_ERROR), ""
            if number not in _NAMED:
                text = error.strerror or ""
        except Exception:
            log.exception("a question of the board about a mounted folder has raised")
            number, text = _IO_ERROR, ""
        return bytes((number,)) + text.encode("ascii", "replace")[: room - 1]

    def _do(self, question: list[Any], room: int) -> bytes:
        what = question[0] if question and type(question[0]) is str else ""
        args = question[1:]
        if what not in _ARGUMENTS or [type(arg) for arg in args] != _ARGUMENTS[what]:
            raise _Refused(22, "no such question")
        return self._does[what](*args, room)

    # ---------------------------------------------------------------------------- paths

    def _parts(self, path: str) -> list[str]:
        """The names in a path. The board's half makes paths normal, so all others are forged."""
        if not path.startswith("/") or len(path) > MOST_PATH:
            raise _Refused(22, "no such path")
        parts = path[1:].split("/") if path != "/" else []
        if not all(self._is_name(part) for part in parts):
            raise _Refused(22, "no such path")
        return parts

    def _is_name(self, name: str) -> bool:
        return is_plain_name(name, windows=self._windows)

    def _found(self, parts: list[str]) -> str:
        """Where that is, all links resolved.

        Raises:
            _Refused: it is not inside the folder.
        """
        where = os.path.realpath(os.path.join(self.root, *parts))
        if where != self.root and not where.startswith(self._inside):
            raise _Refused(13, "a link that leaves the folder")
        return where

    def _place(self, path: str) -> str:
        """Where a name stands that is to be made or removed: a link itself, not where it leads."""
        self._need_writable()
        parts = self._parts(path)
        if not parts:
            raise _Refused(16, f"{self._name} itself")
        return os.path.join(self._found(parts[:-1]), parts[-1])

    def _need_writable(self) -> None:
        if self.readonly:
            raise _Refused(30, f"{self._name} is mounted read-only")

    def _known(self, parts: list[str]) -> os.stat_result:
        """What is there, if it is a file or a folder."""
        found = os.lstat(self._found(parts))
        if not (stat.S_ISREG(found.st_mode) or stat.S_ISDIR(found.st_mode)):
            raise _Refused(1, "neither a file nor a folder")
        return found

    def _descriptor(self, path: str, flags: int) -> int:
        """A file, open. Never a pipe or a device: opening one may wait, or do something."""
        parts = self._parts(path)
        try:
            if stat.S_ISDIR(self._known(parts).st_mode):
                raise _Refused(21)
        except FileNotFoundError:
            if not flags & os.O_CREAT:
                raise
        flags |= sum(getattr(os, f"O_{name}", 0) for name in _SAFELY)
        descriptor = os.open(self._found(parts), flags, 0o666)
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            raise _Refused(1, "not a file")
        return descriptor

    # ---------------------------------------------------------------------------- questions

    def _stat(self, path: str, room: int) -> bytes:
        found = self._known(self._parts(path))
        seconds = min(max(int(found.st_mtime), 0), 0xFFFFFFFF)
        return struct.pack("<BQI", *_kind_and_size(found), seconds)

    def _statvfs(self, path: str, room: int) -> bytes:
        space = shutil.disk_usage(self._found(self._parts(path)))
        blocks = (min(size // _BLOCK, (1 << 30) - 1) for size in (space.total, space.free))
        return struct.pack("<II", *blocks)

    def _list(self, path: str, after: str, room: int) -> bytes:
        """Whether there are more, and entries in the order of their names, from behind one."""
        parts = self._parts(path)
        names = sorted(filter(self._is_name, os.listdir(self._found(parts))))
        answer = b""
        for name in names[bisect.bisect_right(names, after) :]:
            try:
                found = self._known([*parts, name])
            except (_Refused, OSError):
                continue
            text = name.encode()
            entry = struct.pack("<BQB", *_kind_and_size(found), len(text)) + text
            if 1 + len(answer) + len(entry) > room:
                return b"\1" + answer
            answer += entry
        return b"\0" + answer

    def _open(self, path: str, mode: str, room: int) -> bytes:
        """Size, stamp and first bytes of a file; it is made or emptied where ``mode`` says so."""
        kind, rest = mode[:1], "".join(sorted(mode[1:]))
        if kind not in _KINDS or rest not in ("", "+", "b", "t", "+b", "+t"):
            raise _Refused(22, "no such mode")
        flags = _KINDS[kind] | os.O_RDONLY
        if mode not in ("r", "rb", "rt"):
            self._need_writable()
            flags |= os.O_RDWR
        descriptor = self._descriptor(path, flags)
        try:
            if kind == "w":
                os.ftruncate(descriptor, 0)
            about = _about(descriptor)
            return about + (os.read(descriptor, room - len(about)) if kind == "r" else b"")
        finally:
            os.close(descriptor)

    def _read(self, path: str, stamp: bytes, offset: int, room: int) -> bytes:
        descriptor = self._descriptor(path, os.O_RDONLY)
        try:
            if _about(descriptor)[8:] != stamp:
                raise _Refused(_CHANGED, "the file was changed while it was being read")
            os.lseek(descriptor, _offset(offset, 1 << 62), os.SEEK_SET)
            return os.read(descriptor, room)
        finally:
            os.close(descriptor)

    def _write(self, path: str, offset: int, data: bytes, room: int) -> bytes:
        self._need_writable()
        descriptor = self._descriptor(path, os.O_WRONLY | (os.O_APPEND if offset == -1 else 0))
        try:
            at = os.fstat(descriptor).st_size if offset == -1 else _offset(offset)
            if at + len(data) > MOST_BYTES:
                raise _Refused(27)
            os.lseek(descriptor, at, os.SEEK_SET)
            while data:
                data = data[os.write(descriptor, data) :]
            return _about(descriptor)
        finally:
            os.close(descriptor)

    def _mkdir(self, path: str, room: int) -> bytes:
        os.mkdir(self._place(path))
        return b""

    def _rmdir(self, path: str, room: int) -> bytes:
        os.rmdir(self._place(path))
        return b""

    def _remove(self, path: str, room: int) -> bytes:
        where = self._place(path)
        if stat.S_ISDIR(os.lstat(where).st_mode):
            raise _Refused(21)
        os.unlink(where)
        return b""

    def _rename(self, old: str, new: str, room: int) -> bytes:
        os.replace(self._place(old), self._place(new))
        return b""


_ARGUMENTS: dict[str, list[type]] = {
    "stat": [str],
    "statvfs": [str],
    "list": [str, str],
    "open": [str, str],
    "read": [str, bytes, int],
    "write": [str, int, bytes],
    "mkdir": [str],
    "rmdir": [str],
    "remove": [str],
    "rename": [str, str],
}

_KINDS = {"r": 0, "w": os.O_CREAT, "a": os.O_CREAT, "x": os.O_CREAT | os.O_EXCL}

_SAFELY = ("BINARY", "CLOEXEC", "NOCTTY", "NOFOLLOW", "NOINHERIT", "NONBLOCK")
"""For a path without links. They matter where someone changes the folder at the same moment."""


def _kind_and_size(found: os.stat_result) -> tuple[int, int]:
    return (FOLDER, 0) if stat.S_ISDIR(found.st_mode) else (FILE, found.st_size)


def _about(descriptor: int) -> bytes:
    """A file's size, and a stamp that another content has not."""
    found = os.fstat(descriptor)
    stamp = hash((found.st_ino, found.st_mtime_ns, found.st_size)) & 0xFFFF_FFFF_FFFF_FFFF
    return struct.pack("<QQ", found.st_size, stamp)


def _offset(offset: int, most: int = MOST_BYTES) -> int:
    if not 0 <= offset <= most:
        raise _Refused(22)
    return offset
