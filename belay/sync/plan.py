# SPDX-License-Identifier: Apache-2.0
"""What to do so that a board has the files that are wanted: a pure function."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from belay import errors
from belay.sync.ignore import keeping
from belay.sync.manifest import LEFTOVER, BoardManifest, WantedFile

__all__ = ["MakeFolder", "Operation", "Plan", "Remove", "RemoveFolder", "Write", "plan", "shown"]


class MakeFolder(NamedTuple):
    """Make a folder, whose parent exists by then. One that exists already is no error."""

    path: str


class Write(NamedTuple):
    """Write a whole file, under a temporary name that is renamed at the end.

    Attributes:
        path: where.
        file: what.
        replaces: whether a file stands there, which the rename replaces.
    """

    path: str
    file: WantedFile
    replaces: bool


class Remove(NamedTuple):
    """Remove a file."""

    path: str


class RemoveFolder(NamedTuple):
    """Remove a folder, which is empty by then."""

    path: str


Operation = MakeFolder | Write | Remove | RemoveFolder


@dataclass(frozen=True)
class Plan:
    """What a sync does, or would do.

    Attributes:
        operations: in the order in which they are to be done.
        unchanged: paths of files that are on the board as they are wanted.
        kept: paths of files that nobody wants there, and that stay because ``keep`` says so.
        unknown: paths of files and folders that nobody wants there, and that go.
    """

    operations: tuple[Operation, ...] = ()
    unchanged: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def written(self) -> tuple[WantedFile, ...]:
        """The files that are new, or other than on the board."""
        return tuple(step.file for step in self.operations if isinstance(step, Write))

    @property
    def size(self) -> int:
        """Bytes in the files that are written."""
        return sum(len(file.data) for file in self.written)

    def lines(self) -> list[str]:
        """The plan for people: ``+`` is new, ``~`` changed, ``-`` removed; in order."""
        return [_line(step) for step in self.operations]

    def __repr__(self) -> str:
        return f"<Plan: {self}>"  # not all that is in the files: notebooks show what sync returns

    def __str__(self) -> str:
        counts = (len(self.written), len(self.unknown), len(self.unchanged), len(self.kept))
        return "{} to write, {} to remove, {} unchanged, {} kept".format(*counts)


_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")


def shown(path: str) -> str:
    """A path of a board for people: control characters, which terminals obey, as escapes."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], path)


def _line(step: Operation) -> str:
    path = shown(step.path)
    if isinstance(step, Write):
        return f"{'~' if step.replaces else '+'} {path}  {len(step.file.data):,} bytes"
    sign = "+" if isinstance(step, MakeFolder) else "-"
    return f"{sign} {path}{'/' * isinstance(step, (MakeFolder, RemoveFolder))}"


def plan(
    wanted: Iterable[WantedFile],
    folders: Iterable[str],
    board: BoardManifest,
    *,
    dst: str,
    keep: Collection[str],
    delete: bool = True,
    in_place: bool = False,
) -> Plan:
    """Find out what to do.

    What is wanted is written in any case; ``keep`` saves what nobody wants from removal. So it
    does not save ``a.py`` where a compiled ``a.mpy`` is to take its place, which would otherwise
    never be imported.

    Args:
        wanted: files that are to be on the board, all below ``dst``.
        folders: folders that are to be there, empty or not.
        board: what is there, at ``dst`` and below.
        dst: the folder that is to be as wanted.
        keep: paths and patterns relative to ``dst`` of what stays although nobody wants it.
        delete: remove everything else there.
        in_place: where old and new do not both fit, remove the old first.

    Raises:
        SyncError: two files are wanted at one place, or something that is to stay stands where
            something else is wanted.
        NoSpaceError: the files do not fit.
        ReadOnlyError: there is something to do, on a board that cannot be written to.
    """
    made = _Planner(wanted, folders, board, dst, keep, delete)
    operations = made.safely()
    if board.read_only and operations:
        raise errors.ReadOnlyError(
            f"the board's file system is read-only, and {len(operations)} changes are to be made"
        )
    if (missing := _missing(operations, board)) > 0:
        smallest = made.in_place()
        still_missing = _missing(smallest, board)
        if still_missing > 0:
            raise _too_big(board, made.size, still_missing, at_all=True)
        if not in_place:
            raise _too_big(board, made.size, missing, at_all=False)
        operations = smallest
    return Plan(tuple(operations), made.unchanged, made.kept, made.unknown)


class _Planner:
    """Sorts what is on the board by what is to become of it; see :func:`plan`."""

    def __init__(
        self,
        wanted: Iterable[WantedFile],
        folders: Iterable[str],
        board: BoardManifest,
        dst: str,
        keep: Collection[str],
        delete: bool,
    ) -> None:
        self._board, self._dst, self._delete = board, dst, delete
        self._stays = keeping(keep)
        self._wanted = _by_path(wanted)
        self._folders = {dst, *folders}
        for path in [*self._wanted, *self._folders]:
            self._folders.update(_ancestors(path))
        self._folders.discard("/")
        self._leftovers = sorted(
            path
            for path in board.files
            if posixpath.basename(path) == LEFTOVER and not self._is_mounted(path)
        )
        same = {path for path, file in self._wanted.items() if self._is_there(file)}
        self._writes = sorted(
            (self._wanted[path] for path in self._wanted.keys() - same), key=_turn
        )
        self._twins = self._twins_of_compiled()
        known = {*self._wanted, *self._leftovers, *self._twins}
        strange = sorted(board.files.keys() - known)
        kept = [path for path in strange if self._is_kept(path)]
        self._removed = [path for path in strange if not self._is_kept(path)]
        self._removed_folders = self._folders_to_remove(kept)
        self._early = self._in_the_way()
        self.unchanged, self.kept = tuple(sorted(same)), tuple(kept)
        self.unknown = tuple(sorted([*self._removed, *self._removed_folders]))

    @property
    def size(self) -> int:
        """Bytes to be written."""
        return sum(len(file.data) for file in self._writes)

    def safely(self) -> list[Operation]:
        """New files before deletions: at any moment a file is the old one or the new one."""
        return [
            *map(Remove, self._leftovers),
            *self._removals(early=True),
            *self._new_folders(),
            *(Write(file.path, file, file.path in self._board.files) for file in self._writes),
            *map(Remove, self._twins),
            *self._removals(early=False),
        ]

    def in_place(self) -> list[Operation]:
        """Deletions first, and an old file before its new one where both do not fit."""
        before = [
            *map(Remove, self._leftovers),
            *map(Remove, self._twins),
            *self._removals(early=True),
            *self._removals(early=False),
            *self._new_folders(),
        ]
        space = _Space(self._board)
        for step in before:
            space.after(step)
        steps: list[Operation] = []
        # What becomes smaller makes room for what becomes larger.
        for file in sorted(self._writes, key=self._growth):
            replaces = file.path in self._board.files
            if replaces and space.free < space.taken(len(file.data)):
                steps.append(Remove(file.path))
                space.after(steps[-1])
                replaces = False
            steps.append(Write(file.path, file, replaces))
            space.after(steps[-1])
        return [*before, *steps]

    def _growth(self, file: WantedFile) -> tuple[int, str]:
        old = self._board.files.get(file.path)
        return len(file.data) - (old.size if old else 0), file.path

    def _is_there(self, file: WantedFile) -> bool:
        found = self._board.files.get(file.path)
        return (
            found is not None
            and found.size == len(file.data)
            and found.digest == file.digest(self._board.hash_name)
        )

    def _is_kept(self, path: str, *, folder: bool = False) -> bool:
        inside = path[len(self._dst) :].lstrip("/")
        return not self._delete or self._is_mounted(path) or self._stays(inside, folder=folder)

    def _is_mounted(self, path: str) -> bool:
        """Whether it is in another file system than ``dst``."""
        return any(
            (f"{path}/").startswith(f"{mount}/") and not _is_at_or_below(self._dst, mount)
            for mount in self._board.mounts
        )

    def _twins_of_compiled(self) -> list[str]:
        """Sources on the board that would be imported in place of what was compiled from them."""
        compiled = (file.path for file in self._wanted.values() if _is_compiled(file))
        twins = {path[: -len(".mpy")] + ".py" for path in compiled}
        return sorted(
            path for path in twins & self._board.files.keys() if not self._is_mounted(path)
        )

    def _folders_to_remove(self, kept: list[str]) -> list[str]:
        """Folders that nobody wants, the deepest first."""
        strange = self._board.folders - self._folders - {"/"}
        staying = {path for path in strange if self._is_kept(path, folder=True)}
        for path in [*kept, *staying]:
            staying.update(_ancestors(path))
        return sorted(strange - staying, key=lambda path: (-path.count("/"), path))

    def _in_the_way(self) -> set[str]:
        """What must go before anything is written.

        That is what stands where something of another kind is wanted. And what differs from it
        only by case: some file systems take both for one, and to remove it afterwards would
        remove what was written.
        """
        board, going = self._board, {*self._removed, *self._removed_folders}
        for path in sorted(board.files.keys() & self._folders):
            if path not in going:
                raise _blocked(path, "file", "folder")
        for path in sorted(board.folders & self._wanted.keys()):
            if path not in going:
                raise _blocked(path, "folder", "file")
        new = [path for path in self._wanted if path not in board.files]
        new += [path for path in self._folders if path not in board.folders]
        folded = {path.casefold() for path in new}
        blocking = {path for path in going if path.casefold() in folded}
        return {path for path in going if blocking & {path, *_ancestors(path)}}

    def _removals(self, *, early: bool) -> Iterator[Operation]:
        """Those before anything is written, or those after it; folders when they are empty."""
        for path in self._removed:
            if (path in self._early) == early:
                yield Remove(path)
        for path in self._removed_folders:
            if (path in self._early) == early:
                yield RemoveFolder(path)

    def _new_folders(self) -> list[Operation]:
        """Folders to make, parents first."""
        there = set(self._board.folders)
        if self._dst in there:
            there.update(_ancestors(self._dst))
        return [MakeFolder(path) for path in sorted(self._folders - there, key=_depth)]


_LAST = ("boot.py", "main.py", "code.py")


def _turn(file: WantedFile) -> tuple[bool, str]:
    """What starts by itself is written when all that it imports is there."""
    return posixpath.basename(file.path) in _LAST, file.path


def _depth(path: str) -> tuple[int, str]:
    return path.count("/"), path


def _ancestors(path: str) -> Iterator[str]:
    """The folders that it is in, without the root."""
    while (path := posixpath.dirname(path)) != "/":
        yield path


def _is_at_or_below(path: str, folder: str) -> bool:
    return path == folder or path.startswith(folder.rstrip("/") + "/")


def _is_compiled(file: WantedFile) -> bool:
    return file.path.endswith(".mpy") and file.source.endswith(".py")


def _by_path(wanted: Iterable[WantedFile]) -> dict[str, WantedFile]:
    found: dict[str, WantedFile] = {}
    for file in wanted:
        other = found.setdefault(file.path, file)
        if other is not file:
            raise errors.SyncError(
                f"both {other.source} and {file.source} would become {file.path} on the board",
                path=file.path,
            )
    return found


def _blocked(path: str, there: str, wanted: str) -> errors.SyncError:
    return errors.SyncError(
        f"{path} is a {there} on the board that is to stay (`keep`), and a {wanted} is to be made "
        "in its place. Nothing was written. Rename one of them.",
        path=path,
    )


# -------------------------------------------------------------------------------- space


_INLINE = 512


class _Space:
    """Free bytes of a file system which gives them away in blocks.

    How much files, folders and names take differs between file systems. What counts here is the
    least: one block for a folder, none for a name, and for a file that littlefs would put into its
    folder (an eighth of a block, and 512 bytes at most) its bytes. So nothing is refused that would
    fit; what does not is refused by the board, file by file.
    """

    def __init__(self, board: BoardManifest) -> None:
        self._block = max(board.block, 1)
        self._sizes = {path: file.size for path, file in board.files.items()}
        self.free = board.free

    def taken(self, size: int) -> int:
        """Bytes that a file of this size takes."""
        if size <= min(self._block // 8, _INLINE):
            return size
        return -(-size // self._block) * self._block

    def after(self, step: Operation) -> int:
        """Do one step; returns what is free in its middle, while old and new are there."""
        if isinstance(step, (MakeFolder, RemoveFolder)):
            self.free += -self._block if isinstance(step, MakeFolder) else self._block
            return self.free
        old = self._sizes.pop(step.path, 0)
        if isinstance(step, Remove):
            self.free += self.taken(old)
            return self.free
        self._sizes[step.path] = len(step.file.data)
        self.free -= self.taken(len(step.file.data))
        least = self.free
        self.free += self.taken(old)
        return least


def _missing(operations: list[Operation], board: BoardManifest) -> int:
    """Bytes that are missing at the worst moment."""
    if board.free < 0:
        return 0
    space = _Space(board)
    return -min((space.after(step) for step in operations), default=0)


def _too_big(board: BoardManifest, size: int, missing: int, *, at_all: bool) -> errors.NoSpaceError:
    text = f"{size:,} bytes are to be written, and {board.free:,} are free on the board: "
    if at_all:
        text += f"{missing:,} too few, also without the files that are to be removed. "
    else:
        text += f"{missing:,} too few to keep the old files until the new ones are there. "
    text += "Nothing was changed."
    if not at_all:
        text += (
            " Try in_place=True (--in-place), which removes old files first: until it is done, "
            "files are missing if it is cut short."
        )
    return errors.NoSpaceError(text, path=board.root, missing=missing)
