# SPDX-License-Identifier: Apache-2.0
"""Files and folders of this computer."""

from __future__ import annotations

import os
from pathlib import Path

from belay.errors import PackageError, PackageNotFoundError, UnsafePathError
from belay.packages.model import PathSource, safe_destination

__all__ = ["local_files", "local_path"]

MOST_BYTES = 128 << 20
MOST_FILES = 20_000


def local_path(source: PathSource, project: Path) -> Path:
    """Where a source is.

    Args:
        source: relative to the project, or absolute, or of the home folder.
        project: its folder.
    """
    return project / Path(source.path).expanduser()


def local_files(path: Path) -> dict[str, Path]:
    """The files of a package by their names in it; a file alone has its own name.

    What begins with a dot and ``__pycache__`` are left out. A link may lead to what is inside the
    folder, not elsewhere.

    Args:
        path: of a file or folder.

    Raises:
        PackageNotFoundError: there is nothing, or nothing in it.
        UnsafePathError: a link leaves the folder, or a name is refused.
    """
    if path.is_file():
        return {safe_destination(path.name): path}
    if not path.is_dir():
        raise PackageNotFoundError(f"nothing is at {path}")
    root = path.resolve()
    files: dict[str, Path] = {}
    left = MOST_BYTES
    for folder, names, here in os.walk(path):
        names[:] = sorted(name for name in names if not _hidden(name))
        for name in names:
            _check_inside(Path(folder, name), root)
        for name in sorted(here):
            file = Path(folder, name)
            if _hidden(name):
                continue
            _check_inside(file, root)
            if not file.is_file():
                raise UnsafePathError(f"{file} is no plain file")
            left -= file.stat().st_size
            files[safe_destination(file.relative_to(path).as_posix())] = file
            if left < 0 or len(files) > MOST_FILES:
                raise PackageError(f"{path} holds more than a package may")
    if not files:
        raise PackageNotFoundError(f"no files are in {path}")
    return files


def _hidden(name: str) -> bool:
    return name.startswith(".") or name == "__pycache__"


def _check_inside(path: Path, root: Path) -> None:
    if path.is_symlink() and not path.resolve().is_relative_to(root):
        raise UnsafePathError(f"{path} is a link that leaves {root}")
