# SPDX-License-Identifier: Apache-2.0
"""Files that are written as a whole or not at all."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

__all__ = ["mode_of", "write_whole"]


def write_whole(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file; whoever reads it meanwhile, or after a power cut, sees the old one or the new.

    Its permissions stay. A link is replaced and not followed: it may lead out of the project.

    Args:
        path: of the file; its folder exists.
        data: all of it.
        durable: wait until it is on the disk.
    """
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            if durable:
                file.flush()
                os.fsync(file.fileno())
        os.chmod(name, mode_of(path))
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


def mode_of(path: Path) -> int:
    """Permissions of the file that is there, or of a new one."""
    try:
        return path.stat().st_mode & 0o777
    except OSError:
        return 0o644
