# SPDX-License-Identifier: Apache-2.0
"""A project and its packages: everything that commands and magics do with them.

Each change is made as a whole: ``pyproject.toml``, ``belay.lock`` and the folder of the packages
are the old ones or the new ones, whatever happens in between (:mod:`belay.packages.stage`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from belay.errors import IntegrityError, LockError, PackageError
from belay.packages.download import Downloader, Progress
from belay.packages.edits import with_dependency, without_dependency
from belay.packages.lockfile import check_fresh, dump_lock, load_lock, parse_lock
from belay.packages.locking import (
    Everything,
    Upgrade,
    known_candidates,
    make_lock,
    pins_of,
    pruned,
)
from belay.packages.model import Lock, LockedFile, RemoteFile, Target
from belay.packages.moves import Done, Move, moves_of
from belay.packages.nearby import Nearby
from belay.packages.parallel import in_parallel
from belay.packages.project import Project, project_of, read_project
from belay.packages.projectfile import ProjectFile
from belay.packages.sources.bundle import Bundles
from belay.packages.sources.githosts import GitHost, GitHosts
from belay.packages.sources.provider import Sources
from belay.packages.sources.spec import parse_source
from belay.packages.stage import Rewrite, Stage, files_for, planned, settle
from belay.packages.store import Store

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

__all__ = ["Done", "Move", "Workspace"]


class Workspace:
    """A project on the disk, and what its packages come from. A context: it closes connections.

    Args:
        start: a folder of the project, or one inside; the current one by default.
        offline: nobody is asked: what is in the store has to do.
        store: keeps files; the user's by default.
        progress: is told how far each download is, by several threads.
        hosts: of repositories; a test's seam.
        releases: of bundles; a test's seam.

    Raises:
        ProjectError: there is no project, or its ``[tool.belay]`` is wrong.
    """

    def __init__(
        self,
        start: Path | None = None,
        *,
        offline: bool = False,
        store: Store | None = None,
        progress: Progress | None = None,
        hosts: dict[str, GitHost] | None = None,
        releases: str = Bundles.RELEASES,
    ) -> None:
        self.store = Store() if store is None else store
        self.project = read_project(start)
        if settle(self.project.root, self.project.folder, self.store):
            self.project = read_project(start)
        self.offline = offline
        self._seen: bytes | None = None
        self._downloader = Downloader(offline=offline, progress=progress, memory=self.store)
        self._hosts = GitHosts(self._downloader, hosts)
        self._bundles = Bundles(self._downloader, self._hosts, releases)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._downloader.close()

    # ---------------------------------------------------------------------------- the lock

    def lock(self) -> Lock:
        """The lock as it stands.

        Raises:
            LockError: it is missing, or cannot be read.
        """
        return load_lock(self.project.lock_file)

    def check(self) -> Lock:
        """The lock, if it fits what the project requires, and what is on this computer.

        Raises:
            LockError: it does not, is missing, or cannot be read.
        """
        lock = self.lock()
        check_fresh(lock, self.project)
        changed = self.nearby().changed(lock)
        if changed:
            raise LockError(
                f"{changed[0]} has changed since {self.project.lock_file} was made. "
                f"Try: belay lock --upgrade {changed[0]}"
            )
        return lock

    def relock(self, upgrade: Upgrade = ()) -> Done:
        """Make the lock anew, where it is missing or does not fit, or something is to be upgraded.

        Args:
            upgrade: names of packages that are looked at anew.

        Raises:
            ResolutionError: the requirements do not fit together.
            PackageError: something cannot be had.
        """
        if not upgrade:
            try:
                self.check()
                return Done()
            except LockError:
                pass
        return self._change(self.project, self._upgraded(upgrade), folder=False)

    def current(self, *, locked: bool = False, frozen: bool = False) -> Lock:
        """The lock to install from; made anew, but not written, if it does not fit.

        Args:
            locked: it has to fit.
            frozen: it is taken as it stands.

        Raises:
            LockError: it does not fit, or is missing.
        """
        if frozen:
            return self.lock()
        try:
            return self.check()
        except LockError:
            if locked:
                raise
        return self._made(self.project, self._previous(), ())

    # ---------------------------------------------------------------------------- changes

    def install(self, *, locked: bool = False, frozen: bool = False) -> Done:
        """Make the folder of the packages be what the lock says.

        Args:
            locked: the lock has to fit; it is not made anew.
            frozen: the lock is taken as it stands.
        """
        previous = self._previous()
        lock = self.current(locked=locked, frozen=frozen)
        return self._commit(self.project, previous, lock, rewrite=not (locked or frozen))

    def add(self, name: str, value: str | Mapping[str, Any], group: str) -> Done:
        """Require a package, and get it.

        Args:
            name: its key.
            value: as it is to stand in ``pyproject.toml``.
            group: of the dependencies.

        Raises:
            ProjectError: it is there already, or the file cannot be edited.
            PackageError: it cannot be had, or does not fit.
        """
        there = [each for each in self.project.dependencies if each.key == name]
        if there:
            raise self.project.file.error(
                f"{name} is there already, in the group {there[0].group}. "
                f"Try: belay update {name}, or: belay remove {name}",
                *there[0].where,
            )
        text = with_dependency(self.project.file, name, value, group)
        return self._change(self._edited(text), ())

    def remove(self, names: Sequence[str], group: str | None = None) -> Done:
        """Require packages no more.

        Args:
            names: their keys.
            group: that they are removed from; None: all.

        Raises:
            PackageError: one is not there.
        """
        file, old = self.project.file, self.project
        for name in dict.fromkeys(names):
            groups = {each.group for each in old.dependencies if each.key == name}
            groups &= groups if group is None else {group}
            if not groups:
                raise PackageError(self._unknown(name, group))
            for each in sorted(groups):
                file = ProjectFile(file.path, without_dependency(file, name, each))
        project = project_of(file)
        previous = self._previous()
        lock = None
        if previous is not None and previous.requirements_hash == old.requirements_hash():
            lock = pruned(previous, project, old)
        if lock is None:
            lock = self._made(project, previous, ())
        return self._commit(project, previous, lock)

    def update(self, names: Iterable[str] = ()) -> Done:
        """Look at packages anew: newer versions, what a branch is now, what a folder holds.

        Args:
            names: of packages; none: all.

        Raises:
            PackageError: there is no such package.
        """
        return self._change(self.project, self._upgraded(list(names) or Everything()))

    def fetch(self, *, frozen: bool = False) -> int:
        """Get everything that the lock needs, for all targets, into the store.

        Args:
            frozen: whether the lock fits is not asked.

        Returns:
            How many files were not there before.

        Raises:
            LockError: the lock is missing, or does not fit.
        """
        lock = self.lock() if frozen else self.check()
        files = [file for package in lock.packages for file in package.files]
        return self._fetch(lock, files)

    def clean(self) -> tuple[str, ...]:
        """Remove from the folder of the packages what the lock does not have there.

        Returns:
            What was removed, as ``group/destination``. What is missing is not brought.
        """
        seen, lock, nearby = self._lock_bytes(), self.lock(), self.nearby()
        wanted = set(planned(lock, self.project.target))
        for package, files in nearby.afresh(lock).items():
            wanted |= {f"{g}/{dest}" for dest in files for g in package.groups}
        folder = self.project.folder
        with Stage(self.project.root, folder, self.store) as stage:
            for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
                place = path.relative_to(folder).as_posix()
                if place in wanted and path.is_file() and not path.is_symlink():
                    stage.put(place, path.read_bytes())
            return stage.commit([Rewrite("belay.lock", seen, seen or b"")]).removed

    def check_names(self, names: Iterable[str]) -> None:
        """Check that packages are required, by the project or by what it requires.

        Raises:
            PackageError: one is not.
        """
        lock = self._previous()
        known = {each.name for each in self.project.dependencies}
        known |= {each.key for each in self.project.dependencies}
        known |= {package.name for package in (lock.packages if lock else ())}
        for name in names:
            if name not in known:
                raise PackageError(self._unknown(name, None))

    def nearby(self, project: Project | None = None) -> Nearby:
        """The packages of this computer."""
        project = project or self.project
        return Nearby(project, self.sources(project))

    # ---------------------------------------------------------------------------- bytes

    def contents(self, lock: Lock, target: Target, groups: Iterable[str]) -> dict[str, bytes]:
        """The files of some groups, by destination, fetched if they are missing.

        Args:
            lock: that names them.
            target: for whom they are.
            groups: their names.
        """
        wanted = set(groups)
        packages = [each for each in lock.packages if wanted & set(each.groups)]
        files = [file for package in packages for file in files_for(package, target)]
        self._fetch(lock, files)
        afresh = self.nearby().afresh(Lock(lock.requirements_hash, tuple(packages)))
        planned(lock, target, [(package.title, files) for package, files in afresh.items()])
        found = {file.dest: self._stored(file) for file in files}
        for inner in afresh.values():
            found |= inner
        return found

    def sources(self, project: Project, lock: Lock | None = None, upgrade: Upgrade = ()) -> Sources:
        """What a project's packages come from.

        Args:
            project: of them.
            lock: whose commits and tags hold on.
            upgrade: packages for which they do not.
        """
        return Sources(
            self._downloader,
            indices=project.indices,
            targets=project.targets,
            project=project.root,
            git_folder=self.store.git_folder,
            keeps_name={
                (each.name, each.source.text)
                for each in project.requirements(parse_source)
                if each.source is not None and not each.rename_to_init
            },
            pins=pins_of(lock, upgrade),
            known=known_candidates(lock, upgrade),
            hosts=self._hosts,
            bundles=self._bundles,
            memory=self.store,
            offline=self.offline,
        )

    # ---------------------------------------------------------------------------- inside

    def _previous(self) -> Lock | None:
        """The lock that there is, which a change begins with; one that cannot be read: None."""
        self._seen = self._lock_bytes()
        try:
            return self.lock()
        except LockError:
            return None

    def _change(self, project: Project, upgrade: Upgrade, *, folder: bool = True) -> Done:
        previous = self._previous()
        return self._commit(
            project, previous, self._made(project, previous, upgrade), folder=folder
        )

    def _upgraded(self, names: Upgrade) -> Upgrade:
        """The names of packages, also where those of keys were given."""
        if isinstance(names, Everything):
            return names
        self.check_names(names)
        keys = {each.key: each.name for each in self.project.dependencies}
        return {keys.get(name, name) for name in names} | set(names)

    def _made(self, project: Project, previous: Lock | None, upgrade: Upgrade) -> Lock:
        sources = self.sources(project, previous, upgrade)
        return make_lock(project, sources, self.store, previous, upgrade)

    def _commit(
        self,
        project: Project,
        previous: Lock | None,
        lock: Lock,
        *,
        folder: bool = True,
        rewrite: bool = True,
    ) -> Done:
        """Put everything in place."""
        after = dump_lock(lock).encode()
        lock = parse_lock(after.decode())  # sorted, as whoever reads it has it
        if folder:
            self._fetch(lock, [f for p in lock.packages for f in files_for(p, project.target)])
        before = self._seen
        unchanged = before is not None and before.replace(b"\r\n", b"\n") == after
        kept = before is not None and (unchanged or not rewrite)
        old = self.project.file.text.encode("utf-8")
        rewrites = [
            Rewrite("pyproject.toml", old, project.file.text.encode("utf-8")),
            Rewrite("belay.lock", before, before if kept and before is not None else after),
        ]
        with Stage(project.root, project.folder, self.store) as stage:
            if folder:
                afresh = self.nearby(project).afresh(lock)
                others = [(package.title, files) for package, files in afresh.items()]
                stage.put_stored(planned(lock, project.target, others))
                for package, files in afresh.items():
                    for dest, data in files.items():
                        for group in package.groups:
                            stage.put(f"{group}/{dest}", data)
            changes = stage.commit(rewrites, folder=folder)
        self.project = project
        return Done(moves_of(previous, lock), changes)

    def _lock_bytes(self) -> bytes | None:
        try:
            return self.project.lock_file.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise LockError(f"{self.project.lock_file} cannot be read: {error.strerror}") from error

    def _fetch(self, lock: Lock, files: Iterable[LockedFile]) -> int:
        missing = {file.sha256: file for file in files if self.store.get(file.sha256) is None}
        sources = self.sources(self.project, lock)

        owners = {file.sha256: each.name for each in lock.packages for file in each.files}

        def get(file: LockedFile) -> None:
            wanted = RemoteFile(file.dest, file.url, file.sha256, file.size, file.target)
            try:
                data = sources.read(wanted)
            except IntegrityError as error:
                hint = f"Try: belay update {owners[file.sha256]}"
                raise IntegrityError(f"{error}. {hint}") from error
            self.store.put(data, file.sha256)

        in_parallel(get, missing.values(), give_up=sources.give_up)
        return len(missing)

    def _stored(self, file: LockedFile) -> bytes:
        data = self.store.get(file.sha256)
        if data is None:
            raise PackageError(f"{file.dest} is not in the store any more. Try again")
        return data

    def _edited(self, text: str) -> Project:
        return project_of(ProjectFile(self.project.file.path, text))

    def _unknown(self, name: str, group: str | None) -> str:
        import difflib

        known = sorted({each.key for each in self.project.dependencies})
        close = difflib.get_close_matches(name, known, 1)
        hint = f"did you mean {close[0]!r}?" if close else f"it has {', '.join(known) or 'none'}"
        where = f" in the group {group}" if group else ""
        return f"{self.project.file.path} requires no {name!r}{where}: {hint}"
