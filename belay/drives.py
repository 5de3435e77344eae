# SPDX-License-Identifier: Apache-2.0
"""Where this computer shows the USB drive of a CircuitPython board."""

from __future__ import annotations

import contextlib
import os
import re
import string
import sys
from collections.abc import Iterable
from pathlib import Path

__all__ = ["find_drive", "mounted_folders", "read_uid"]

_TELLS = "boot_out.txt"
"""What CircuitPython writes at every start: its version, the board's name and its unique id."""

_UID = re.compile(r"^UID:\s*([0-9A-Fa-f]+)\s*$", re.MULTILINE)
_ESCAPED = re.compile(r"\\([0-7]{3})")


def find_drive(uid: str, folders: Iterable[Path] | None = None) -> Path | None:
    """The folder in which the files of a board are.

    Args:
        uid: unique id of the chip, in hexadecimal digits.
        folders: where to look; None for all drives that this computer has mounted.

    Returns:
        The folder; None where no drive says that it is of this board, or two say so.
    """
    found = []
    for folder in mounted_folders() if folders is None else folders:
        with contextlib.suppress(OSError):
            if read_uid(folder) == uid.lower():
                found.append(folder)
    return found[0] if len(found) == 1 else None


def read_uid(folder: Path) -> str:
    """The unique id of the board whose drive a folder is: hexadecimal digits, in small letters.

    Returns:
        The id; ``""`` where the firmware has not written it.

    Raises:
        OSError: it is not the drive of a board: there is no ``boot_out.txt``.
    """
    told = _UID.search((folder / _TELLS).read_text("utf-8", "replace"))
    return told[1].lower() if told else ""


def mounted_folders(mounts: str | None = None) -> list[Path]:
    """The folders of all drives that may be USB drives of a board.

    Args:
        mounts: the text of Linux's ``/proc/mounts``; None for this computer, whatever it is.
    """
    if mounts is None:
        if sys.platform == "win32":
            drives = [Path(f"{letter}:\\") for letter in string.ascii_uppercase[2:]]
            return [drive for drive in drives if drive.exists()]
        if sys.platform == "darwin":
            return [Path(entry.path) for entry in _entries("/Volumes")]
        with contextlib.suppress(OSError):
            mounts = Path("/proc/mounts").read_text("utf-8", "replace")
    folders = []
    for line in (mounts or "").splitlines():
        fields = line.split(" ")
        if len(fields) > 2 and fields[2] in ("vfat", "msdos", "fuseblk"):
            folders.append(Path(_ESCAPED.sub(lambda found: chr(int(found[1], 8)), fields[1])))
    return folders


def _entries(folder: str) -> list[os.DirEntry[str]]:
    with contextlib.suppress(OSError):
        return list(os.scandir(folder))
    return []
