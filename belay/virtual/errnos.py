# SPDX-License-Identifier: Apache-2.0
"""Error numbers as boards know them: Linux's, whatever the host's operating system uses."""

from __future__ import annotations

import errno

__all__ = ["Errno", "board_error", "fail"]


class Errno:
    """The numbers that the virtual board's file system can answer with."""

    EPERM = 1
    ENOENT = 2
    EIO = 5
    EBADF = 9
    EACCES = 13
    EEXIST = 17
    ENOTDIR = 20
    EISDIR = 21
    EINVAL = 22
    ENOSPC = 28
    ESPIPE = 29
    EROFS = 30
    ENAMETOOLONG = 36
    ENOTEMPTY = 39


_BY_HOST_NUMBER = {
    getattr(errno, name): number
    for name, number in vars(Errno).items()
    if name.startswith("E") and hasattr(errno, name)
}


def fail(number: int, path: str = "") -> OSError:
    """An OSError that carries a board's error number; the caller raises it."""
    return OSError(number, path)


def board_error(error: OSError) -> int:
    """The board's number for an error of the host's own file system."""
    number: int = _BY_HOST_NUMBER.get(error.errno or 0, Errno.EIO)
    return number
