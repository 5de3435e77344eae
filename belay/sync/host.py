# SPDX-License-Identifier: Apache-2.0
"""From a folder of the host to the files that a board is to have."""

from __future__ import annotations

import os
import posixpath
import re
import stat
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from belay import errors
from belay.source.cells import parsed
from belay.source.minify import minify
from belay.source.mpy import MpyCross
from belay.sync.ignore import ROOTS, Patterns
from belay.sync.manifest import LEFTOVER, WantedFile

__all__ = ["HostTree", "Making", "board_path", "check_for_fat", "scan", "stays_source"]

LONGEST_NAME = 255
"""Bytes of UTF-8 that a name may have: the limit of littlefs; FAT's is no smaller."""

_STARTED = ("boot.py", "main.py", "code.py", "webrepl_cfg.py", "safemode.py", "repl.py")
"""What the firmware itself starts or reads, by this name, in the folder that it starts in."""


_NOT_IN_FAT = re.compile(r'["*:<>?\\|\x00-\x1f\x7f]|[. ]\Z')


@dataclass
class HostTree:
    """Files and folders of the host, each under its path relative to what was scanned.

    Attributes:
        files: path, with ``/``, to the host's path.
        folders: relative paths.
    """

    files: dict[str, str] = field(default_factory=dict)
    folders: set[str] = field(default_factory=set)

    def merge(self, other: HostTree) -> None:
        """Add another tree, whose files replace those of the same name."""
        for path in sorted(other.files.keys() & self.folders | other.folders & self.files.keys()):
            raise errors.SyncError(
                f"{path} is a folder in one of the folders, and a file in another", path=path
            )
        self.files.update(other.files)
        self.folders |= other.folders


def board_path(path: str) -> str:
    """A path as boards have it: absolute, without ``.``, ``..`` and a slash at its end.

    Raises:
        ValueError: it does not begin with ``/``.
    """
    if not path.startswith("/"):
        raise ValueError(f"a path on the board begins with '/': {path!r}")
    return "/" + posixpath.normpath(path).lstrip("/")


def scan(folder: str | os.PathLike[str], ignore: Patterns) -> HostTree:
    """Find what is to be on the board.

    Links count as what they lead to.

    Args:
        folder: a folder; or a file, which is then the only one.
        ignore: what is left out.

    Raises:
        ValueError: there is nothing of that name.
        SyncError: something in it cannot be on a board, or cannot be read.
    """
    root = os.path.abspath(os.path.expanduser(os.fspath(folder)))
    if os.path.isfile(root):
        name = os.path.basename(root)
        _check_name(name, root)
        return HostTree({name: root})
    if not os.path.isdir(root):
        raise ValueError(f"there is no file or folder {os.fspath(folder)!r}")
    tree = HostTree()
    _scan_folder(root, "", ignore, tree, (os.path.realpath(root),))
    return tree


def _scan_folder(
    folder: str, prefix: str, ignore: Patterns, tree: HostTree, above: tuple[str, ...]
) -> None:
    """Take up one folder.

    Args:
        folder: it.
        prefix: its path in the tree, with a ``/`` at the end, or empty.
        ignore: what is left out.
        tree: takes what is found.
        above: real paths of the folders it is in, and its own: a link to one of them has no end.
    """
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        raise _unreadable(folder, error) from None
    for entry in entries:
        path = prefix + entry.name
        if entry.name == LEFTOVER:
            continue
        try:
            mode = entry.stat().st_mode
        except OSError as error:
            if not ignore(path):  # of a link that leads nowhere, emacs' locks are an example
                raise _unreadable(entry.path, error) from None
            continue
        is_folder = stat.S_ISDIR(mode)
        if ignore(path, folder=is_folder):
            continue
        _check_name(entry.name, entry.path)
        if is_folder:
            real = os.path.realpath(entry.path)
            if real in above:
                raise errors.SyncError(
                    f"{entry.path} is a link to a folder that it is in, {real}; leave it out with "
                    "`ignore`",
                    path=entry.path,
                )
            tree.folders.add(path)
            _scan_folder(entry.path, f"{path}/", ignore, tree, (*above, real))
        elif stat.S_ISREG(mode):
            tree.files[path] = entry.path
        else:
            raise errors.SyncError(
                f"{entry.path} is neither a file nor a folder; leave it out with `ignore`",
                path=entry.path,
            )


def _check_name(name: str, where: str) -> None:
    """Refuse what a board cannot hold."""
    shown = os.fsencode(where).decode("utf-8", "backslashreplace")
    try:
        size = len(name.encode())
    except UnicodeEncodeError:  # bytes that are no UTF-8
        raise errors.SyncError(
            f"{shown}: the name is not UTF-8, which names on a board are; rename it, or leave it "
            "out with `ignore`",
            path=shown,
        ) from None
    if size > LONGEST_NAME:
        raise errors.SyncError(
            f"{shown}: the name has {size} bytes, and on a board at most {LONGEST_NAME}", path=shown
        )


def _unreadable(path: str, error: OSError) -> errors.SyncError:
    shown = os.fsencode(path).decode("utf-8", "backslashreplace")
    if os.path.islink(path) and isinstance(error, FileNotFoundError):
        text = f"{shown} is a link to {os.readlink(path)}, which is not there; leave it out with "
        return errors.SyncError(text + "`ignore`", path=shown)
    return errors.SyncError(f"cannot read {shown}: {error.strerror}", path=shown)


def check_for_fat(tree: HostTree) -> None:
    """Refuse what CircuitPython's file system cannot hold, or would take for something else.

    Raises:
        SyncError: two names differ only by case; or one has characters that FAT does not have, or
            ends in what it drops.
    """
    known: dict[str, str] = {}
    for path in sorted([*tree.files, *tree.folders]):
        name = posixpath.basename(path)
        if _NOT_IN_FAT.search(name):
            raise errors.SyncError(
                f"{path}: on this board's FAT file system a name cannot have one of "
                '" * : < > ? \\ | or a control character, nor end in a dot or a space',
                path=path,
            )
        other = known.setdefault(path.casefold(), path)
        if other != path:
            raise errors.SyncError(
                f"{other} and {path} are one file on this board: FAT takes small and capital "
                "letters for the same",
                path=path,
            )


# -------------------------------------------------------------------------------- contents


def stays_source(path: str) -> bool:
    """Whether a file of the board is what the firmware itself starts or reads.

    These go there as they are: only as source do they work, and they are what people look at and
    change on the board itself.
    """
    folder, name = posixpath.split(path)
    return name in _STARTED and folder in ROOTS


@dataclass
class Making:
    """How files become what the board gets.

    Attributes:
        minify: leave comments and docstrings of ``.py`` files at home. Lines stay.
        compiler: makes ``.mpy`` of ``.py`` files, in place of that.
    """

    minify: bool = True
    compiler: MpyCross | None = None

    def files(self, tree: HostTree, dst: str) -> list[WantedFile]:
        """The files as the board is to have them.

        Args:
            tree: the host's.
            dst: folder of the board that they go to.

        Raises:
            SyncError: a file cannot be read, parsed or compiled; says which, and the line.
        """
        at = f"{dst.rstrip('/')}/"
        places = [(at + path, source) for path, source in sorted(tree.files.items())]
        if self.compiler is None:
            return [self._file(*place) for place in places]
        with ThreadPoolExecutor(min(8, os.cpu_count() or 1)) as pool:
            return list(pool.map(lambda place: self._file(*place), places))

    def _file(self, path: str, source: str) -> WantedFile:
        try:
            data = Path(source).read_bytes()
        except OSError as error:
            raise _unreadable(source, error) from None
        if not path.endswith(".py") or not (self.minify or self.compiler):
            return WantedFile(path, data, source)
        text = _text(data, source)
        if stays_source(path):
            _check_source(text, source)
            return WantedFile(path, data, source)
        if self.compiler is None:
            smaller = minify(text)
            if smaller == text:  # also what it cannot parse comes back as it is
                _check_source(text, source)
            return WantedFile(path, smaller.encode(), source)
        compiled = self.compiler.compile(text.encode(), path, source)
        return WantedFile(f"{path[:-3]}.mpy", compiled, source)


def _text(data: bytes, source: str) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise errors.SyncError(
            f'File "{source}", line {line}: not UTF-8, which is all that a board reads. Nothing '
            "was written.",
            path=source,
        ) from None


def _check_source(text: str, source: str) -> None:
    """Refuse what a board could not import."""
    try:
        parsed(text)
    except SyntaxError as error:
        line = (error.text or "").strip()
        raise errors.SyncError(
            f'File "{source}", line {error.lineno or 1}\n    {line}\n'
            f"{type(error).__name__}: {error.msg}. Nothing was written. (minify=False sends files "
            "as they are.)",
            path=source,
        ) from None
    except ValueError as error:
        raise errors.SyncError(
            f'File "{source}": {error}. Nothing was written.', path=source
        ) from None
    except (RecursionError, MemoryError):
        pass  # too deep for this computer's parser: only the board can judge it
