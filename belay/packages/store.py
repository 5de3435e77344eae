# SPDX-License-Identifier: Apache-2.0
"""The store: every file of a package once, named by its SHA-256, in the user's cache folder.

::

    packages/
      files-v1/ab/cdef…            a file; its name is the digest of its bytes
      entries-v1/NAME-….json       which files a version of a package has, for `belay cache list`
      answers-v1/ab/cdef…          what was under a URL when it was asked for last, for --offline
      git-v1/KEY.git, KEY.lock     repositories (belay.packages.sources.git) and their locks
      locks/                       what processes hold while they change something

Files are only added, and each is checked whenever it is read: one that is damaged is as one that is
not there. Several processes may use one store, and the folder may be copied to another computer.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from belay.errors import IntegrityError, PackageError

__all__ = ["Store", "StoreEntry", "StoreInfo", "Verified"]

log = logging.getLogger("belay")

FILES, ENTRIES, GIT, LOCKS = "files-v1", "entries-v1", "git-v1", "locks"
ANSWERS = "answers-v1"
VARIABLE = "BELAY_CACHE_DIR"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PART = ".part"
_NOTHING = b"nothing"
_MOST_BYTES = 256 << 20
"""Of a file: nothing that is for a board is larger."""

_WAIT = 600.0
"""Seconds in which another process is to finish."""


@dataclass(frozen=True, slots=True)
class StoreEntry:
    """Something that is kept, by the name that `belay cache list` shows.

    Args:
        name: such as ``"aiohttp 0.0.6"``, or ``"git-…"`` for a clone.
        source: where it came from; empty for a clone.
        size: in bytes; files that packages share count for each of them.
        files: SHA-256 of each of its files; none for a clone.
        path: what stands for it in the store.
    """

    name: str
    source: str
    size: int
    files: tuple[str, ...]
    path: Path


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """How much is kept, and where. Sizes are in bytes."""

    folder: Path
    entries: int
    files: int
    size: int


@dataclass(frozen=True, slots=True)
class Verified:
    """What a check of the store found: files that are as they should be, and those that were not.

    Those that were not, and the remains of interrupted downloads, are removed.
    """

    good: int
    damaged: tuple[str, ...]


class Store:
    """Files by their digest.

    Args:
        folder: where; by default ``packages`` in belay's cache folder, or in the one that the
            environment names as ``BELAY_CACHE_DIR``. It is made when something is put there.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = _default_folder() if folder is None else folder

    @property
    def git_folder(self) -> Path:
        """Where repositories are."""
        return self.folder / GIT

    def path(self, sha256: str) -> Path:
        """Where a file is, or would be."""
        if not _SHA256.fullmatch(sha256):
            raise IntegrityError(f"{sha256[:80]!r} is no SHA-256")
        return self.folder / FILES / sha256[:2] / sha256[2:]

    def __contains__(self, sha256: object) -> bool:
        return isinstance(sha256, str) and self.path(sha256).is_file()

    def put(self, data: bytes, sha256: str = "") -> str:
        """Keep a file.

        Args:
            data: all of it.
            sha256: what it is expected to be; empty: anything.

        Returns:
            Its SHA-256.

        Raises:
            IntegrityError: it is not what was expected; nothing was written.
            PackageError: the store cannot be written.
        """
        digest = hashlib.sha256(data).hexdigest()
        if sha256 and digest != sha256:
            raise IntegrityError(
                f"{len(data)} bytes have the SHA-256 {digest}, but {sha256} was expected"
            )
        path = self.path(digest)
        if not self._is_there(path, len(data)):
            with _writing(path):
                path.parent.mkdir(parents=True, exist_ok=True)
                try:
                    _add(path, data)
                except PermissionError:  # on Windows, if somebody reads it: then it is there
                    if not self._is_there(path, len(data)):
                        raise
        return digest

    def get(self, sha256: str) -> bytes | None:
        """A file, if it is there and as it should be; one that is damaged is removed."""
        path = self.path(sha256)
        try:
            with path.open("rb") as file:
                data = file.read(_MOST_BYTES + 1)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise PackageError(f"{path} cannot be read: {error.strerror}") from error
        if hashlib.sha256(data).hexdigest() == sha256:
            return data
        log.warning("%s was damaged, so it was removed: it is downloaded again", path)
        _remove(path)
        return None

    def record(self, name: str, version: str, source: str, files: Iterable[str]) -> None:
        """Note which files a version of a package has, so that the store can be read by people."""
        known = sorted(set(files))
        data = json.dumps(
            {"name": name, "version": version, "source": source, "files": known},
            sort_keys=True,
        ).encode()
        digest = hashlib.sha256(f"{name}\n{version}\n{source}".encode()).hexdigest()[:16]
        plain = re.sub(r"[^A-Za-z0-9._-]", "_", f"{name}-{version}")[:80]
        path = self.folder / ENTRIES / f"{plain}-{digest}.json"
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != data:
                _add(path, data)

    def remember(self, url: str, data: bytes | None) -> None:
        """Keep what is under a URL now, for when there is no network; None: nothing."""
        path = self._answer(url)
        text = _NOTHING if data is None else self.put(data).encode("ascii")
        with _writing(path):
            path.parent.mkdir(parents=True, exist_ok=True)
            if not path.exists() or path.read_bytes() != text:
                _add(path, text)

    def recall(self, url: str) -> bytes | None:
        """What was under a URL when it was asked for last; None: nothing.

        Raises:
            LookupError: that is not known.
        """
        try:
            text = self._answer(url).read_bytes()[:65]
        except OSError as error:
            raise LookupError(url) from error
        if text == _NOTHING:
            return None
        digest = text.decode("ascii", "replace")
        data = self.get(digest) if _SHA256.fullmatch(digest) else None
        if data is None:
            raise LookupError(url)
        return data

    def _answer(self, url: str) -> Path:
        digest = hashlib.sha256(url.encode("utf-8", "surrogatepass")).hexdigest()
        return self.folder / ANSWERS / digest[:2] / digest[2:]

    def lock(self, name: str, timeout: float = _WAIT) -> AbstractContextManager[Any]:
        """A lock between processes, for what is changed in place, such as a clone.

        Args:
            name: of what it is for; any text.
            timeout: seconds to wait for another process.

        Raises:
            PackageError: another process holds it for longer.
        """
        digest = hashlib.sha256(name.encode()).hexdigest()[:32]
        return _locked(self.folder / LOCKS / f"{digest}.lock", name, timeout)

    # ------------------------------------------------------------------------- what people ask for

    def entries(self) -> list[StoreEntry]:
        """What is kept, by name."""
        found = [entry for path in _listed(self.folder / ENTRIES) if (entry := self._entry(path))]
        for path in _listed(self.git_folder):
            if path.is_dir():
                size = sum(max(_size(file), 0) for file in path.rglob("*"))
                found.append(StoreEntry(f"git-{path.name}", "", size, (), path))
        return sorted(found, key=lambda entry: (entry.name, entry.source))

    def info(self) -> StoreInfo:
        """How much is kept, and where."""
        sizes = [max(_size(path), 0) for path in self._files()]
        entries = self.entries()
        clones = sum(entry.size for entry in entries if not entry.files)
        return StoreInfo(self.folder, len(entries), len(sizes), sum(sizes) + clones)

    def clear(self, prefix: str = "") -> list[StoreEntry]:
        """Remove what has a name that begins so, and the files that nothing else needs.

        Args:
            prefix: of names as :meth:`entries` has them; empty: all, also what has no name.

        Returns:
            What was removed.
        """
        with self.lock("store"):
            before = self.entries()
            removed = [entry for entry in before if entry.name.startswith(prefix)]
            kept = {sha for entry in before if entry not in removed for sha in entry.files}
            for entry in removed:
                if entry.path.is_dir():
                    with _locked(entry.path.with_suffix(".lock"), entry.name, _WAIT):
                        _remove_folder(entry.path)
                else:
                    _remove(entry.path)
            of_removed = {sha for entry in removed for sha in entry.files}
            for path in self._files():
                sha = path.parent.name + path.name
                if sha not in kept and (not prefix or sha in of_removed):
                    _remove(path)
            if not prefix:
                shutil.rmtree(self.folder / ANSWERS, ignore_errors=True)
            return removed

    def verify(self, progress: Callable[[int], None] | None = None) -> Verified:
        """Check every file, and remove those that are damaged.

        Args:
            progress: called after each with how many were checked.
        """
        good, damaged = 0, []
        with self.lock("store"):
            for number, path in enumerate(self._files(partial=True), 1):
                sha = path.parent.name + path.name
                if path.name.endswith(_PART):
                    _remove(path)
                elif _SHA256.fullmatch(sha) and self.get(sha) is not None:
                    good += 1
                else:
                    _remove(path)
                    damaged.append(sha)
                if progress is not None:
                    progress(number)
        return Verified(good, tuple(damaged))

    # ------------------------------------------------------------------------------------- inside

    def _is_there(self, path: Path, size: int) -> bool:
        """Whether a file of this size is there and sound; writing it again would change nothing."""
        return _size(path) == size and self.get(path.parent.name + path.name) is not None

    def _entry(self, path: Path) -> StoreEntry | None:
        try:
            table = json.loads(path.read_bytes())
            name, version, source = (str(table[key]) for key in ("name", "version", "source"))
            files = tuple(str(sha) for sha in table["files"])
            size = sum(max(_size(self.path(sha)), 0) for sha in files)
        except (OSError, ValueError, LookupError, TypeError, PackageError):
            return None
        return StoreEntry(f"{name} {version}".rstrip(), source, size, files, path)

    def _files(self, *, partial: bool = False) -> Iterator[Path]:
        for folder in _listed(self.folder / FILES):
            for path in _listed(folder):
                if partial or not path.name.endswith(_PART):
                    yield path


def _default_folder() -> Path:
    named = os.environ.get(VARIABLE)
    if named:
        return Path(named).expanduser().absolute() / "packages"
    from platformdirs import user_cache_dir

    return Path(user_cache_dir("belay", appauthor=False), "packages")


def _add(path: Path, data: bytes) -> None:
    """Write a file that appears as a whole."""
    handle, name = tempfile.mkstemp(suffix=_PART, dir=path.parent)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        os.replace(name, path)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(name)
        raise


@contextlib.contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise PackageError(f"{path} cannot be written: {error.strerror}") from error


@contextlib.contextmanager
def _locked(path: Path, name: str, timeout: float) -> Iterator[None]:
    from filelock import FileLock, Timeout

    with _writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    lock = FileLock(path)
    try:
        lock.acquire(timeout=timeout)
    except Timeout as error:
        raise PackageError(
            f"another belay has been busy with {name} for {timeout:g} s ({path}). Try again later"
        ) from error
    try:
        yield
    finally:
        lock.release()


def _listed(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return []


def _size(path: Path) -> int:
    """In bytes; -1 if it is not there, or no file."""
    try:
        return path.stat().st_size if path.is_file() else -1
    except OSError:
        return -1


def _remove(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _remove_folder(path: Path) -> None:
    """Git makes its files read-only, and Windows does not remove such files."""
    if os.name == "nt":
        for each in path.rglob("*"):
            each.chmod(0o700)
    shutil.rmtree(path)
