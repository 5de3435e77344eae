# SPDX-License-Identifier: Apache-2.0
"""What is to be synced and how: all that does not depend on the board."""

from __future__ import annotations

import contextlib
import functools
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from belay.source.mpy import Abi, MpyCross, find_mpy_cross
from belay.sync.host import HostTree, Making, board_path, check_for_fat, scan
from belay.sync.ignore import Patterns, ignoring, kept_names

if TYPE_CHECKING:
    from belay.sync.manifest import WantedFile

__all__ = ["Job", "Source", "Wanted", "of_package", "of_path"]

Source = Callable[[contextlib.ExitStack], str]
"""Gives the path of a folder or file of the host, which is there until the stack is left."""


class Wanted(NamedTuple):
    """What is to be on the board.

    Attributes:
        files: with their contents.
        folders: their paths on the board.
        keep: names and patterns of what stays besides; None for everything.
        origins: pairs of a path on the board and the host's folder or file that it comes from.
    """

    files: list[WantedFile]
    folders: set[str]
    keep: tuple[str, ...] | None
    origins: list[tuple[str, str]]


@dataclass(frozen=True)
class Job:
    """A sync; see :meth:`belay.Device.sync`.

    Attributes:
        name: the same for the same sync.
        sources: what goes to the board, as one tree.
        others: the arguments of that method.

    Raises:
        TypeError, ValueError: an argument cannot be understood.
    """

    name: str
    sources: tuple[Source, ...]
    dst: str
    keep: Any
    ignore: Any
    minify: bool
    mpy_cross_binary: Any
    in_place: bool
    trust_mtime: bool

    def __post_init__(self) -> None:
        kept_names(self.keep, self.path)
        _ = self.patterns

    @functools.cached_property
    def path(self) -> str:
        """The folder on the board."""
        return board_path(self.dst)

    @functools.cached_property
    def patterns(self) -> Patterns:
        """What is left out."""
        return ignoring(self.ignore)

    def wanted(self, abi: Abi) -> Wanted:
        """Read, minify or compile everything.

        Args:
            abi: what the board can load.

        Raises:
            SyncError: something cannot be read, parsed or compiled.
        """
        tree, origins = HostTree(), []
        keep = kept_names(self.keep, self.path, drive=abi.magic == b"C")
        with contextlib.ExitStack() as stack:
            for source in self.sources:
                folder = source(stack)
                tree.merge(scan(folder, self.patterns))
                at = self.path
                if os.path.isfile(folder):
                    keep = None
                    at = f"{at.rstrip('/')}/{os.path.basename(folder)}"
                origins.append((at, folder))
            files = Making(self.minify, self._compiler(abi)).files(tree, self.path)
            if abi.magic == b"C":
                check_for_fat(tree)
        folders = {f"{self.path.rstrip('/')}/{path}" for path in tree.folders}
        return Wanted(files, folders, keep, origins)

    def _compiler(self, abi: Abi) -> MpyCross | None:
        if self.mpy_cross_binary is None or self.mpy_cross_binary is False:
            return None
        return MpyCross(find_mpy_cross(self.mpy_cross_binary, abi), abi)


def of_path(folder: str | os.PathLike[str]) -> Source:
    """A folder or file.

    Raises:
        ValueError: there is none.
    """
    path = os.path.abspath(os.path.expanduser(os.fspath(folder)))
    if not os.path.exists(path):
        raise ValueError(f"there is no file or folder {os.fspath(folder)!r}")
    return lambda stack: path


def of_package(package: str, subfolder: str) -> Source:
    """A folder of an installed Python package, also of one in an archive.

    Raises:
        FileNotFoundError: there is none.
    """
    found = resources.files(package)
    for part in subfolder.strip("/").split("/"):  # older Pythons join one at a time
        found = found.joinpath(part)
    if not found.is_dir():
        raise FileNotFoundError(f"the package {package} has no folder {subfolder!r}")
    return lambda stack: os.fspath(stack.enter_context(_on_disk(found)))


@contextlib.contextmanager
def _on_disk(folder: Any) -> Iterator[Path]:
    """It as a folder of the file system; of one in an archive, a copy."""
    if isinstance(folder, Path):
        yield folder
        return
    with tempfile.TemporaryDirectory(prefix="belay-") as name:
        _copy(folder, Path(name))
        yield Path(name)


def _copy(folder: Any, to: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir():
            (to / entry.name).mkdir()
            _copy(entry, to / entry.name)
        else:
            (to / entry.name).write_bytes(entry.read_bytes())
