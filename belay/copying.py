# SPDX-License-Identifier: Apache-2.0
"""Files and folders from this computer to a board, and back, as they are."""

from __future__ import annotations

import contextlib
import errno
import os
import posixpath
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

from belay import errors
from belay.hostfolder import is_plain_name

if TYPE_CHECKING:
    from belay.files import CopyProgress, Files

__all__ = ["above", "get", "put"]


def above(path: str) -> list[str]:
    """The folders of a board that a path is in, outermost first, without ``/``."""
    parts = path.split("/")[1:-1]
    return ["/" + "/".join(parts[: i + 1]) for i in range(len(parts))]


# ---------------------------------------------------------------------------- to the board


def put(
    files: Files, source: str | os.PathLike[str], path: str, progress: CopyProgress
) -> list[str]:
    """See :meth:`belay.files.Files.put`."""
    from belay.sync.transfer import Step

    here = Path(source)
    if not os.fspath(source) or not here.exists():  # of "", Path makes the current folder
        raise FileNotFoundError(errno.ENOENT, "there is no such file or folder", os.fspath(source))
    missing, places, sizes = (
        _folder(files, here, path) if here.is_dir() else _file(files, here, path)
    )
    contents = {place: place_here.read_bytes() for place, place_here in places.items()}
    for place in _same(files, path, contents, sizes):
        del contents[place]

    def told(place: str, done: int) -> None:
        if place in contents:
            progress(place, done, len(contents[place]))

    steps = [Step("mkdir", folder) for folder in missing]
    steps += [Step("put", place, data) for place, data in contents.items()]
    if steps:
        files._change(path, lambda board: board.run(steps, told))
    files._device._sources.add_folder(path, here)
    return list(contents)


_Comparison = tuple[list[str], dict[str, Path], dict[str, int]]
"""Folders that the board lacks; what is to be where; and sizes of the board's files."""


def _file(files: Files, here: Path, path: str) -> _Comparison:
    try:
        entry = files.stat(path)
    except FileNotFoundError:
        return above(path), {path: here}, {}
    if entry.is_dir:
        raise errors.board_file_error(21, path)
    return [], {path: here}, {path: entry.size}


def _folder(files: Files, here: Path, path: str) -> _Comparison:
    from belay.sync.host import scan
    from belay.sync.ignore import Patterns

    tree = scan(here, Patterns(()))
    found = files._carry(path, lambda board: board.manifest(path, hashes=False))
    folders = [path, *(_join(path, name) for name in sorted(tree.folders))]
    missing = [folder for folder in folders if folder not in found.folders]
    if path in missing:
        missing = above(path) + missing
    places = {_join(path, name): Path(place) for name, place in sorted(tree.files.items())}
    return missing, places, {place: file.size for place, file in found.files.items()}


def _same(files: Files, path: str, contents: dict[str, bytes], sizes: dict[str, int]) -> list[str]:
    """Which files the board has already."""
    from belay.sync.manifest import digest

    alike = [place for place, data in contents.items() if sizes.get(place) == len(data)]
    theirs = files._carry(path, lambda board: board.digests(alike)) if alike else []
    return [
        place
        for place, (kind, hashed) in zip(alike, theirs, strict=True)
        if digest(contents[place], kind) == hashed
    ]


# ---------------------------------------------------------------------------- from the board


def get(
    files: Files, path: str, target: str | os.PathLike[str], progress: CopyProgress
) -> list[str]:
    """See :meth:`belay.files.Files.get`."""
    to = Path(target)
    entry = files.stat(path)
    if not entry.is_dir:
        to.parent.mkdir(parents=True, exist_ok=True)
        data = _fetch(files, path, entry.size, progress)
        if to.exists() and not (to.is_file() or to.is_dir()):
            to.write_bytes(data)  # a pipe or a device, such as /dev/stdout, is no file to replace
        else:
            _store(Path(os.path.realpath(to)), data)  # a link stays: what it leads to is replaced
        return [str(to)]
    found = files.manifest(path)
    # All names are looked at before anything is written: a board may say anything.
    folders = [_inside(to, path, folder) for folder in sorted(found.folders - {path})]
    places = {file: _inside(to, path, file) for file in sorted(found.files)}
    for folder in [to, *folders]:
        folder.mkdir(parents=True, exist_ok=True)
    for file, place in places.items():
        place.parent.mkdir(parents=True, exist_ok=True)
        _store(place, _fetch(files, file, found.files[file].size, progress))
    return [str(place) for place in places.values()]


def _inside(to: Path, path: str, found: str) -> Path:
    """Where a file of the board goes, below a folder of this computer."""
    below = found[len(path.rstrip("/")) :]
    names = below[1:].split("/")
    if not below.startswith("/") or not all(map(is_plain_name, names)):
        raise errors.SyncError(
            f"the board has {found!r}, a name that no file of this computer may have; nothing was "
            "written",
            path=found,
        )
    return to.joinpath(*names)


def _fetch(files: Files, path: str, size: int, progress: CopyProgress) -> bytes:
    """What is in one file of the board."""
    data = files.read(path, progress=lambda done: progress(path, done, max(size, done)))
    if not data:
        progress(path, 0, 0)
    return data


def _store(to: Path, data: bytes) -> None:
    """Make a file here; the one that is there stays until the new one is."""
    scratch = to.with_name(f".belay-{os.urandom(4).hex()}.part")
    try:
        with scratch.open("xb") as file:
            file.write(data)
        if to.exists():
            shutil.copymode(to, scratch)
        os.replace(scratch, to)
    except BaseException:
        with contextlib.suppress(OSError):
            scratch.unlink()
        raise


def _join(folder: str, name: str) -> str:
    return posixpath.join(folder, name)
