# SPDX-License-Identifier: Apache-2.0
"""A project on a board: its packages, its own code and its main program."""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from belay.errors import PackageError
from belay.packages.model import MAIN, SOURCE_TARGET
from belay.sync.job import Job, of_path

if TYPE_CHECKING:
    from belay.device import Device
    from belay.packages.model import Lock, Target
    from belay.packages.project import Project
    from belay.packages.workspace import Workspace
    from belay.sync.plan import Plan

__all__ = ["Installation", "Step", "install_project"]

LIBRARIES = "/lib"
"""Where packages go: ``sys.path`` of every port has it."""


@dataclass(frozen=True)
class Step:
    """One part of an installation.

    Attributes:
        name: ``"packages"``, the name of the project, or ``"main"``.
        dst: where it goes on the board.
        plan: what was done, or is to be done.
    """

    name: str
    dst: str
    plan: Plan


class Installation:
    """What goes to the board, and how.

    Args:
        workspace: of the project.
        lock: what its packages are.
        groups: that are installed beside those that are not optional.
        main: a script that becomes ``/main.py``; None leaves what is there.
        mpy: packages as ``.mpy``, where they have it for the board.
        minify: leave comments and docstrings at home.
        mpy_cross_binary: compile what is source with this mpy-cross; see :meth:`Device.sync`.

    Raises:
        ProjectError: there is no such group.
        PackageError: a file is not there, or cannot be ``main.py``.
    """

    def __init__(
        self,
        workspace: Workspace,
        lock: Lock,
        *,
        groups: Sequence[str] = (),
        main: str | os.PathLike[str] | None = None,
        mpy: bool = False,
        minify: bool = True,
        mpy_cross_binary: str | bool | None = None,
    ) -> None:
        project = workspace.project
        self._workspace, self._lock, self._mpy = workspace, lock, mpy
        self._options = (minify, mpy_cross_binary)
        self.groups = groups_of(project, groups)
        self.main = None if main is None else _script(main)
        self.code = None
        if project.name is not None:
            self.code = project.root / project.name
            if not self.code.is_dir():
                raise project.file.error(f"there is no folder {self.code}", "name")

    def steps(
        self, device: Device, *, remove: bool = True, dry_run: bool, update: Any = None
    ) -> Iterator[Step]:
        """Do one part after the other.

        Args:
            device: the board.
            remove: what is in a folder of the board and not in ours goes away.
            dry_run: find out what is to be done, and do nothing.
            update: called with keywords of ``rich.progress.Progress.update``.
        """
        for name, dst, job in self._jobs(device, keep=not remove, from_folder=not dry_run):
            with job as one:
                yield Step(name, dst, device._run_sync_job(one, update, dry_run, True, None))

    def _jobs(
        self, device: Device, *, keep: bool, from_folder: bool
    ) -> Iterator[tuple[str, str, contextlib.AbstractContextManager[Job]]]:
        project = self._workspace.project
        if self._lock.packages or "dependencies" in project.file.table:
            yield "packages", LIBRARIES, self._packages(device, keep, from_folder)
        if self.code is not None:
            assert project.name is not None
            dst = f"/{project.name}"
            ignore = None if project.ignore is None else list(project.ignore)
            job = self._job(project.name, [self.code], dst, keep, ignore)
            yield project.name, dst, contextlib.nullcontext(job)
        if self.main is not None:
            yield "main", "/main.py", self._main(self.main)

    @contextlib.contextmanager
    def _packages(self, device: Device, keep: bool, from_folder: bool) -> Iterator[Job]:
        """The packages: from the project's own folder, so that tracebacks show files there."""
        project = self._workspace.project
        target = self.target(device)
        filled = {group for package in self._lock.packages for group in package.groups}
        folders = [project.folder / group for group in self.groups if group in filled]
        folders = [folder for folder in folders if folder.is_dir()]  # some have no files
        if target == project.target and from_folder and folders:
            yield self._job("packages", folders, LIBRARIES, keep, [])
            return
        with tempfile.TemporaryDirectory(prefix="belay-") as folder:
            files = self._workspace.contents(self._lock, target, self.groups)
            for dest, data in files.items():
                path = Path(folder, dest)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(data)
            yield self._job("packages", [Path(folder)], LIBRARIES, keep, [])

    @contextlib.contextmanager
    def _main(self, script: Path) -> Iterator[Job]:
        """A script under the name that the board starts."""
        if script.name == "main.py":
            yield self._job("main", [script], "/", True, [])
            return
        with tempfile.TemporaryDirectory(prefix="belay-") as folder:
            path = Path(folder, "main.py")
            path.write_bytes(script.read_bytes())
            yield self._job("main", [path], "/", True, [])

    def target(self, device: Device) -> Target:
        """For whom the files are that a board gets: ``.mpy`` only of its own ABI."""
        project = self._workspace.project
        if not self._mpy and project.target == SOURCE_TARGET:
            return SOURCE_TARGET
        abi = device._session.facts.mpy & 0xFF
        wanted = f"mpy{abi}"
        known = {file.target for package in self._lock.packages for file in package.files}
        plain = device.implementation.name == "micropython"
        return wanted if abi and plain and wanted in known else SOURCE_TARGET

    def _job(self, name: str, folders: Iterable[Path], dst: str, keep: bool, ignore: Any) -> Job:
        sources = tuple(of_path(folder) for folder in folders)
        label = f"{self._workspace.project.root} {name} -> {dst}"
        minify, compiler = self._options
        return Job(label, sources, dst, keep, ignore, minify, compiler, False, False)


def install_project(
    device: Device,
    installation: Installation,
    *,
    remove: bool = True,
    dry_run: bool = False,
    update: Callable[..., object] | None = None,
) -> list[Step]:
    """Put a project on a board.

    Args:
        device: the board.
        installation: what goes there.
        remove: what is in ``/lib`` or the project's folder and not in the project goes away.
        dry_run: find out what is to be done, and do nothing.
        update: called with keywords of ``rich.progress.Progress.update``.

    Returns:
        What was done, part by part.
    """
    return list(installation.steps(device, remove=remove, dry_run=dry_run, update=update))


def groups_of(project: Project, wanted: Sequence[str] = ()) -> list[str]:
    """The groups that are installed: those that are not optional, and those that are named.

    Raises:
        ProjectError: there is no group of that name.
    """
    for name in wanted:
        project.group(name)
    named = [group.name for group in project.groups if not group.optional or group.name in wanted]
    return sorted(named, key=lambda name: (name != MAIN, name))


def _script(path: str | os.PathLike[str]) -> Path:
    found = Path(path)
    if found.suffix != ".py":
        raise PackageError(f"{found} cannot be main.py: it is no .py file")
    if not found.is_file():
        raise PackageError(f"there is no file {found}")
    return found
