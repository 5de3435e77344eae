# SPDX-License-Identifier: Apache-2.0
"""Files that are written as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["write_whole"]


def write_whole(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file; whoever reads it meanwhile, or after a power cut, sees the old one or the new.

    A link is followed, and the file's permissions stay.

    Args:
        path: of the file; its folder exists.
        data: all of it.
        durable: wait until it is on the disk.
    """
    target = Path(os.path.realpath(path))
    handle, name = tempfile.mkstemp(prefix=f".{target.name}.", suffix=".part", dir=target.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(name, _mode(target))
        os.replace(name, target)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def _mode(path: Path) -> int:
    """Permissions of the file that is there, or of one that is not."""
    try:
        return path.stat().st_mode & 0o777
    except FileNotFoundError:
        return 0o644
