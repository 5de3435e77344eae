# SPDX-License-Identifier: Apache-2.0
"""``belay cp``: files and folders to a board, from it, and on it."""

from __future__ import annotations

import os
import posixpath
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from cyclopts import Parameter

from belay.cli.boardpaths import Place, Resolver, place_of
from belay.cli.boards import Board, each_board, targets_of
from belay.cli.options import ANY_BOARD, BoardOptions, Json, Words
from belay.cli.progress import Bars
from belay.cli.usage import UsageError
from belay.errors import BelayException

if TYPE_CHECKING:
    from belay.files import Files

__all__ = ["Copy", "copies", "cp"]

Recursive = Annotated[bool, Parameter(name=("--recursive", "-r"))]


class Copy(NamedTuple):
    """One thing to copy: a file, or a folder with all that is in it.

    Attributes:
        source: where it is.
        target: where the copy will be, under what name.
    """

    source: Place
    target: Place


def cp(
    *words: Words,
    boards: BoardOptions = ANY_BOARD,
    recursive: Recursive = False,
    json: Json = False,
) -> int:
    """Copy files and folders to a board, from it, or on it.

    A path of the board begins with a colon. Where the last path is a folder, or ends with a slash,
    the copies go into it. A file that is the same on both sides is not sent again. On the board
    the old file stays until the new one is there and was checked.

    Args:
        words: PORT, what to copy, and where to.
        boards: which boards; several where a board is only copied to.
        recursive: folders, with all that is in them.
        json: print an array of objects that tell what was copied.

    Examples:
        belay cp main.py :
        belay cp -r lib /dev/ttyACM0 :
        belay cp virtual: :data.csv .
        belay cp -r : backup
        belay cp -t left -t right main.py config.json :
        belay cp :main.py :old.py
    """
    split = boards.split(words, least=2, most=None)
    places = [place_of(word) for word in split.words]
    if not any(place.on_board for place in places):
        raise UsageError(f"a path of the board begins with a colon, such as :{places[-1].path}")
    if not places[-1].on_board and len(targets_of(split)) > 1:
        raise UsageError("files of several boards would overwrite each other here")

    def work(board: Board) -> list[dict[str, Any]]:
        with Bars(shown=board.alone) as bars:
            return _carry_out(board, places, recursive, bars)

    return each_board(split, work, json=json, startup="")


def copies(
    places: Sequence[Place], is_folder: Callable[[Place], bool], *, recursive: bool
) -> list[Copy]:
    """Say what is copied to where.

    Args:
        places: what was typed, the target last.
        is_folder: tells whether there is a folder at a place.
        recursive: folders may be copied.

    Raises:
        BelayException: a folder without ``recursive``, or several things to one place.
    """
    *sources, target = places
    into = is_folder(target)
    if len(sources) > 1 and not into and not target.is_folder:
        raise BelayException(f"{_shown(target)} is no folder, and there are several things to copy")
    found: list[Copy] = []
    for source in sources:
        folder = is_folder(source)
        if folder and not recursive:
            raise BelayException(
                f"{_shown(source)} is a folder; -r copies it with all that is in it"
            )
        path = target.path
        if into or (target.is_folder and not folder) or len(sources) > 1:
            path = _join(target, _name(source))
        found.append(Copy(source, Place(target.on_board, path)))
    return found


def _name(place: Place) -> str:
    """The last part of a path; empty for a root and for ``.``, whose contents are meant."""
    module = posixpath if place.on_board else os.path
    name = module.basename(module.normpath(place.path))
    return "" if name in (".", "..") else name


def _join(target: Place, name: str) -> str:
    if not name:
        return target.path
    if target.on_board:
        return posixpath.join(target.path, name)
    return os.path.join(target.path, name)


def _shown(place: Place) -> str:
    return f":{place.path}" if place.on_board else place.path


def _carry_out(
    board: Board, places: Sequence[Place], recursive: bool, bars: Bars
) -> list[dict[str, Any]]:
    files = board.device.files
    resolve = Resolver(board.device)

    def resolved(place: Place) -> Place:
        if not place.on_board:
            return place
        path = resolve(f":{place.path}")
        return Place(True, path + "/" if place.is_folder and path != "/" else path)

    whole = [resolved(place) for place in places]

    def is_folder(place: Place) -> bool:
        return files.is_dir(place.path) if place.on_board else os.path.isdir(place.path)

    done: list[dict[str, Any]] = []
    for source, target in copies(whole, is_folder, recursive=recursive):
        try:
            copied = _copy(files, source, target, bars)
        except BelayException:
            raise
        except OSError as error:  # of this computer's file
            raise BelayException(f"{error.filename or source.path}: {error.strerror}") from error
        done.append({"from": _shown(source), "to": _shown(target), "written": copied})
    return done


def _copy(files: Files, source: Place, target: Place, bars: Bars) -> list[str]:
    """Copy one thing; returns the paths that were written."""
    if source.on_board and target.on_board:
        return _copy_on_board(files, source.path, target.path)
    if source.on_board:
        return files.get(source.path, target.path, progress=bars)
    return files.put(source.path, target.path, progress=bars)


def _copy_on_board(files: Files, source: str, target: str) -> list[str]:
    """By way of this computer, which checks what it reads and writes."""
    source, target = posixpath.normpath(source), posixpath.normpath(target)
    if not files.is_dir(source):
        if source == target:
            raise BelayException(f":{source} cannot be copied to itself")
        files.write(target, files.read(source))
        return [target]
    if (target + "/").startswith(source.rstrip("/") + "/"):
        raise BelayException(f":{source} cannot be copied into itself")
    manifest = files.manifest(source)
    inside = sorted(manifest.folders - manifest.mounts) + sorted(manifest.files)
    written: list[str] = []
    for path in inside:
        new = posixpath.join(target, posixpath.relpath(path, source)).removesuffix("/.")
        if path in manifest.folders:
            files.mkdir(new, parents=True, exist_ok=True)
        else:
            files.write(new, files.read(path))
            written.append(new)
    return written
