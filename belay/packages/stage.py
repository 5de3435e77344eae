# SPDX-License-Identifier: Apache-2.0
"""Puts packages into a project: staged beside what is there, verified, then swapped in.

The folder of the dependencies and the files that belong to it (``belay.lock``, ``pyproject.toml``)
change together or not at all, whatever happens in between: an error, Ctrl-C, a power cut. A journal
says how to undo a swap that did not finish; whoever comes next undoes it (:func:`recover`).
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, NamedTuple

from belay.errors import IntegrityError, LockError, PackageError, UnsafePathError
from belay.packages.model import (
    SOURCE_TARGET,
    Lock,
    LockedFile,
    LockedPackage,
    Target,
    destination_key,
    safe_destination,
)
from belay.packages.store import Store
from belay.packages.writing import mode_of, write_whole

__all__ = [
    "Changes",
    "Rewrite",
    "Stage",
    "check_claims",
    "files_for",
    "planned",
    "recover",
    "settle",
]

_REWRITTEN = ("belay.lock", "pyproject.toml")
"""Files of the project that a swap may change; a journal that names others is none of ours."""

_CHUNK = 1 << 20


class Rewrite(NamedTuple):
    """A file that changes with the packages.

    Args:
        name: ``belay.lock`` or ``pyproject.toml``.
        before: its bytes when it was read; None: it was not there.
        after: its bytes from now on.
    """

    name: str
    before: bytes | None
    after: bytes


@dataclass(frozen=True, slots=True)
class Changes:
    """What a swap changes, as ``group/destination``."""

    added: tuple[str, ...] = ()
    updated: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.updated or self.removed)


def files_for(package: LockedPackage, target: Target) -> tuple[LockedFile, ...]:
    """The files of a package for a target; its source, if it has none for that.

    Raises:
        LockError: it has neither.
    """
    for wanted in (target, SOURCE_TARGET):
        files = tuple(file for file in package.files if file.target == wanted)
        if files:
            return files
    if package.files:
        known = ", ".join(sorted({file.target for file in package.files}))
        raise LockError(
            f"{package.name} {package.version} has no files for {target}, and no source: it has "
            f"them for {known}"
        )
    return ()


def planned(
    lock: Lock, target: Target, others: Iterable[tuple[str, Iterable[str]]] = ()
) -> dict[str, str]:
    """What a lock puts where.

    Args:
        lock: that names the files.
        target: for whom they are.
        others: what else is put there, as :func:`check_claims` has it.

    Returns:
        SHA-256 by ``group/destination``.

    Raises:
        UnsafePathError: two packages claim one destination.
        LockError: a package has no files for the target.
    """
    ours = [
        (f"{package.name} {package.version}".rstrip(), [f.dest for f in files_for(package, target)])
        for package in lock.packages
    ]
    check_claims([*ours, *others])
    return {
        f"{group}/{file.dest}": file.sha256
        for package in lock.packages
        for group in package.groups
        for file in files_for(package, target)
    }


def check_claims(packages: Iterable[tuple[str, Iterable[str]]]) -> None:
    """Check that no two packages claim one destination.

    Two are one also where they differ only in case, for such are the file systems of most boards;
    and a file cannot stand where another package has a folder.

    Args:
        packages: what each is called, and its destinations.

    Raises:
        UnsafePathError: two claim one, or a destination is not safe.
    """
    files: dict[str, tuple[int, str, str]] = {}
    folders: dict[str, tuple[int, str, str]] = {}
    for number, (name, dests) in enumerate(packages):
        for dest in dests:
            key, claim = destination_key(safe_destination(dest)), (number, name, dest)
            if files.setdefault(key, claim) != claim:
                raise _claimed(claim, files[key])
            parts = key.split("/")
            for length in range(1, len(parts)):
                folders.setdefault("/".join(parts[:length]), claim)
    for key in sorted(files.keys() & folders.keys()):
        raise _claimed(files[key], folders[key])


def _claimed(one: tuple[int, str, str], other: tuple[int, str, str]) -> UnsafePathError:
    return UnsafePathError(
        f"{other[1]} and {one[1]} claim one place on the board: {other[2]!r} and {one[2]!r}. "
        "Remove one of them from the requirements"
    )


class Stage:
    """A new folder of dependencies, as a context: it is thrown away unless it is committed.

    Args:
        root: the project's folder.
        folder: of its dependencies; inside the project.
        store: where the files are; it also has the lock that keeps other processes out.

    Raises:
        UnsafePathError: the folder is not one inside the project.
    """

    def __init__(self, root: Path, folder: Path, store: Store) -> None:
        self._root, self._folder, self._store = root, folder, store
        self._stage = _stage_folder(root, folder)
        self._wanted: dict[str, str] = {}
        self._context = contextlib.ExitStack()
        self._made: list[Path] = []

    def __enter__(self) -> Stage:
        with contextlib.ExitStack() as context, _changing(self._stage):
            context.enter_context(self._store.lock(f"project {self._root.resolve()}"))
            recover(self._root, self._folder)
            context.callback(self._throw_away)
            parent = self._stage.parent
            self._made = [f for f in (parent, *parent.parents) if not f.exists()]
            (self._stage / "new").mkdir(parents=True)
            (self._stage / ".gitignore").write_text("*\n", encoding="utf-8")
            self._context = context.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._context.close()

    def put(self, place: str, data: bytes) -> None:
        """Stage a file.

        Args:
            place: ``group/destination``.
            data: all of it.
        """
        path = self._stage / "new" / safe_destination(place)
        with _changing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        self._wanted[place] = hashlib.sha256(data).hexdigest()

    def put_stored(self, files: Mapping[str, str]) -> None:
        """Stage files of the store.

        Args:
            files: SHA-256 by ``group/destination``, such as :func:`planned` gives.

        Raises:
            IntegrityError: the store lacks one.
        """
        for place, sha256 in files.items():
            data = self._store.get(sha256)
            if data is None:
                raise IntegrityError(f"{place} is not in the store. Try: belay fetch")
            self.put(place, data)

    def changes(self) -> Changes:
        """What differs from what is there."""
        there = dict(_digests(self._folder))
        new = self._wanted
        return Changes(
            tuple(sorted(new.keys() - there.keys())),
            tuple(sorted(k for k in new.keys() & there.keys() if new[k] != there[k])),
            tuple(sorted(there.keys() - new.keys())),
        )

    def commit(self, rewrites: Iterable[Rewrite] = (), *, folder: bool = True) -> Changes:
        """Swap in what is staged, and rewrite files of the project: all of it, or nothing.

        Args:
            rewrites: ``belay.lock`` and ``pyproject.toml``; those that stay what they are have
                to be that still.
            folder: False leaves the folder of the dependencies as it is.

        Returns:
            What changed in the folder; it is not touched if nothing does.

        Raises:
            IntegrityError: what is staged is not what was put there.
            PackageError: a file has changed since it was read, or nothing can be written here.
        """
        wanted: list[Rewrite] = []
        self._verify()
        changes = self.changes() if folder else Changes()
        for name, before, after in rewrites:
            if name not in _REWRITTEN:
                raise ValueError(f"{name} is not rewritten")
            now = _bytes(self._root / name)
            if now not in (before, after):
                raise PackageError(f"{self._root / name} was changed meanwhile. Try again")
            if now != after:
                wanted.append(Rewrite(name, now, after))
        with _changing(self._folder):
            self._swap(wanted, folder=bool(changes))
        return changes

    def _verify(self) -> None:
        there = dict(_digests(self._stage / "new"))
        if there != self._wanted:
            wrong = sorted(k for k in there.keys() | self._wanted.keys()
                           if there.get(k) != self._wanted.get(k))  # fmt: skip
            raise IntegrityError(f"staged files are not what was staged: {', '.join(wrong)}")

    def _swap(self, rewrites: list[Rewrite], *, folder: bool) -> None:
        journal = {
            "folder": folder,
            "had_folder": self._folder.exists(),
            "rewrites": [
                [name, _packed(before), _packed(after)] for name, before, after in rewrites
            ],
        }
        try:
            write_whole(self._stage / "journal", json.dumps(journal).encode())
            if folder:
                if self._folder.exists():
                    os.rename(self._folder, self._stage / "old")
                os.rename(self._stage / "new", self._folder)
            for name, _, after in rewrites:
                _replace(self._root / name, after, self._stage)
            os.unlink(self._stage / "journal")  # from here on, it has happened
        except BaseException:
            _undo(self._root, self._folder, self._stage)
            raise

    def _throw_away(self) -> None:
        if not (self._stage / "journal").exists():
            shutil.rmtree(self._stage, ignore_errors=True)
            for folder in self._made:
                with contextlib.suppress(OSError):
                    folder.rmdir()  # if it is empty


def settle(root: Path, folder: Path, store: Store) -> bool:
    """Undo a swap that did not finish, if there is one; wait for one that is under way.

    Args:
        root: the project's folder.
        folder: of its dependencies.
        store: has the lock that keeps other processes out.

    Returns:
        Whether there was one to undo.
    """
    if not _stage_folder(root, folder).exists():
        return False
    with store.lock(f"project {root.resolve()}"):
        return recover(root, folder)


def recover(root: Path, folder: Path) -> bool:
    """Undo a swap that did not finish, if there is one, and remove what was staged.

    Args:
        root: the project's folder.
        folder: of its dependencies.

    Returns:
        Whether there was one.
    """
    stage = _stage_folder(root, folder)
    if not stage.exists():
        return False
    with _changing(stage):
        undone = _undo(root, folder, stage)
        shutil.rmtree(stage)
    return undone


def _undo(root: Path, folder: Path, stage: Path) -> bool:
    """Each step may be the last one before the next power cut, and is not harmful twice."""
    try:
        journal = json.loads((stage / "journal").read_bytes())
        rewrites = [(n, _unpacked(b), _unpacked(a)) for n, b, a in journal["rewrites"]]
        swapped, had = bool(journal["folder"]), bool(journal["had_folder"])
    except FileNotFoundError:
        return False
    except (ValueError, LookupError, TypeError) as error:
        raise PackageError(f"{stage / 'journal'} is not belay's. Remove {stage}") from error
    for name, before, after in rewrites:
        if name in _REWRITTEN and _bytes(root / name) == after:
            if before is None:
                os.unlink(root / name)
            else:
                _replace(root / name, before, stage)
    if swapped and ((stage / "old").exists() or not had):
        if folder.exists() and not (stage / "new").exists():
            os.rename(folder, stage / "new")
        if had:
            os.rename(stage / "old", folder)
    os.unlink(stage / "journal")
    return True


def _stage_folder(root: Path, folder: Path) -> Path:
    """Beside the dependencies, so that they are on one file system."""
    inside = folder.resolve().relative_to(root.resolve()) if _is_inside(root, folder) else None
    if inside is None or folder.is_symlink():
        raise UnsafePathError(f"dependencies_path {str(folder)!r} is no folder in the project")
    for mark in (".git", "pyproject.toml"):
        if (folder / mark).exists():
            raise UnsafePathError(
                f"dependencies_path {str(folder)!r} has a {mark}: it must be a folder for packages "
                "alone, because belay replaces it"
            )
    stage = folder.parent / f".{folder.name}.stage"
    if stage.is_symlink():
        raise UnsafePathError(f"{stage} is a link. Remove it")
    return stage


@contextlib.contextmanager
def _changing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PackageError(f"{path} cannot be changed: {error}") from error


def _is_inside(root: Path, folder: Path) -> bool:
    place, outer = folder.resolve(), root.resolve()
    return place != outer and place.is_relative_to(outer)


def _digests(folder: Path) -> Iterator[tuple[str, str]]:
    """SHA-256 of each file below a folder, by path; what is no plain file has none that fits."""
    for path in sorted(folder.rglob("*")) if folder.is_dir() else ():
        name = path.relative_to(folder).as_posix()
        if path.is_symlink() or not (path.is_file() or path.is_dir()):
            yield name, ""
        elif path.is_file():
            digest = hashlib.sha256()
            with path.open("rb") as file:
                while chunk := file.read(_CHUNK):
                    digest.update(chunk)
            yield name, digest.hexdigest()


def _replace(path: Path, data: bytes, stage: Path) -> None:
    """Write a file as a whole; what is half written is in the stage, which goes away."""
    part = stage / f"{path.name}.part"
    with part.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    os.chmod(part, mode_of(path))
    os.replace(part, path)


def _bytes(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None


def _packed(data: bytes | None) -> str | None:
    return None if data is None else base64.b64encode(data).decode("ascii")


def _unpacked(text: Any) -> bytes | None:
    return None if text is None else base64.b64decode(text)
