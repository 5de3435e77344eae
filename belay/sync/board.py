# SPDX-License-Identifier: Apache-2.0
"""The files of a board over its session: lists, hashes, and transfers that are checked."""

from __future__ import annotations

import contextlib
import copy
import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from belay import errors
from belay.session.requests import Operation
from belay.session.session import Session
from belay.sync.manifest import BoardFile, BoardManifest
from belay.sync.transfer import FIRST_TRIES, REPEATS, Step, Transfer

__all__ = ["BoardFiles", "Progress"]

Progress = Callable[[int], object]
"""Called with how many bytes of the file are done."""

CALL, MANIFEST, PUT, GET, DIGEST = range(5)
"""What :mod:`belay.onboard.files` does, by its first argument."""

TRIES = 40
"""Times that what a line has swallowed is asked for again."""

LIST_EVENT, PIECE, SMALLEST = 4096, 2048, 64
"""Bytes of an event: of a list, of a file's contents; and of both once the line proved bad."""


class BoardFiles:
    """Files of the board at the other end of a session.

    Paths are absolute, with ``/``. What the board's file system refuses is a
    :class:`belay.PyboardException` of type ``OSError``, or in :meth:`run` an error with the path.
    Threads may share one: a transfer is carried to its end before the next one begins.

    Args:
        session: gives the board's session; asked for every request, since reconnecting makes a
            new one.
        timeout: seconds that one request may take; None for no limit.
    """

    def __init__(self, session: Callable[[], Session], *, timeout: float | None = None) -> None:
        self._session = session
        self._timeout = timeout
        self._lock = threading.RLock()
        self._room: int | None = None

    def limited(self, timeout: float | None) -> BoardFiles:
        """The same files, where one request may take so many seconds; None for no limit."""
        other = copy.copy(self)  # which has the same lock
        other._timeout = timeout
        return other

    # ---------------------------------------------------------------------------- requests

    @contextlib.contextmanager
    def alone(self) -> Iterator[Session]:
        """Keep other threads' transfers waiting; gives the session.

        Raises:
            FeatureUnavailableError: the board has no room for the agent.
        """
        with self._lock:
            session = self._session()
            if not session.agent:
                raise errors.FeatureUnavailableError(
                    "this board has no room for belay's agent, which reads and writes files"
                )
            yield session

    def _ask(
        self, what: int, *args: Any, label: str, arrived: Any = None, repeats: int = -1
    ) -> Any:
        with self.alone() as session:
            session.services["files"] = arrived or (lambda value: None)
            asked = operation(what, *args, label=label)._replace(repeats=repeats)
            return session.perform(asked, timeout=self._timeout)

    def _insist(self, what: int, *args: Any, label: str, arrived: Any) -> Any:
        """The same for what may be done twice: also over a line that loses much."""
        tries = 0
        while True:
            try:
                return self._ask(what, *args, label=label, arrived=arrived, repeats=REPEATS)
            except errors.BoardResetError:
                raise
            except errors.ConnectionLost:
                tries += 1
                session = self._session()
                most = TRIES if session.has("files") else FIRST_TRIES
                if tries >= most or not session.alive():
                    raise

    # ---------------------------------------------------------------------------- asking

    def call(self, name: str, *args: Any) -> Any:
        """``os.<name>(*args)`` on the board."""
        return self._ask(CALL, name, *args, label=f"os.{name}")

    def stat(self, path: str) -> tuple[int, ...]:
        """``os.stat``: mode, size at 6, time of the last change at 8."""
        result: tuple[int, ...] = self.call("stat", path)
        return result

    def digest(self, path: str) -> tuple[str, bytes]:
        """The hash of a file, made on the board.

        Returns:
            Its kind, ``"sha256"``, or ``"crc32"`` (4 bytes, little endian) where the board has no
            other; and the digest.
        """
        return self.digests([path])[0]

    def digests(self, paths: Sequence[str]) -> list[tuple[str, bytes]]:
        """The hashes of many files, in one round trip."""
        found: list[bytes] = self._ask(DIGEST, *paths, label="hashing")
        return [(_kind_of(one), one) for one in found]

    def manifest(self, root: str = "/", *, hashes: bool = True) -> BoardManifest:
        """All files and folders below a folder. One round trip, whatever their number.

        Args:
            root: the folder; where there is none, the manifest is empty.
            hashes: have the board hash every file; otherwise it tells when they were changed.
        """
        told: dict[int, list[Any]] = {}

        def arrived(value: list[Any]) -> None:
            told[value[-2]] = value[-1]

        def ask(size: int) -> Any:
            label = f"listing {root}"
            return self._insist(MANIFEST, root, hashes, size, label=label, arrived=arrived)

        count, space, mounts, read_only = ask(LIST_EVENT)
        if len(told) != count:  # a bad line has swallowed some of it: now in small pieces
            told.clear()
            for _ in range(TRIES):
                count, space, mounts, read_only = ask(SMALLEST)
                if len(told) == count:
                    break
            else:
                raise errors.ConnectionLost("the line loses too much: no list of files came whole")
        manifest = BoardManifest(root, {}, set(), "sha256", 0, -1, bool(read_only), set(mounts))
        manifest.folders |= manifest.mounts
        if len(space) == 5:
            manifest.block, manifest.free = space[1] or space[0], space[4] * (space[1] or space[0])
        entries = [entry for _, part in sorted(told.items()) for entry in part]
        _read_entries(entries, manifest, hashes)
        return manifest

    def read(
        self, path: str, *, offset: int = 0, size: int = -1, progress: Progress | None = None
    ) -> bytes:
        """What is in a file. One round trip, more only where a line damages what comes.

        Args:
            path: the file.
            offset: byte to begin at.
            size: most bytes; -1 for all.
            progress: called as they arrive.
        """
        parts: dict[int, bytes] = {}
        done = 0

        def arrived(value: list[Any]) -> None:
            nonlocal done
            if value[-2] not in parts:
                parts[value[-2]] = value[-1]
                done += len(value[-1])
                if progress is not None:
                    progress(done)

        def ask(at: int, size: int, piece: int) -> Any:
            label = f"reading {path}"
            return self._insist(GET, path, at, size, piece, label=label, arrived=arrived)

        end = ask(offset, size, PIECE)
        data = bytearray()
        piece = PIECE
        for _ in range(TRIES + end // 64):
            while part := parts.get(offset + len(data)):
                data += part
            at = offset + len(data)
            if at >= end:
                return bytes(data)
            piece = max(SMALLEST, piece // 2)
            following = min((start for start in parts if start > at), default=end)
            ask(at, following - at, piece)
        raise errors.ConnectionLost(f"the line loses too much: {path} did not come whole")

    # ---------------------------------------------------------------------------- changing

    def write(self, path: str, data: bytes, *, progress: Progress | None = None) -> None:
        """Put a file on the board: the old one stays until the new one is there and checked.

        Args:
            path: the file; its folder must exist.
            data: what will be in it.
            progress: called as pieces arrive.

        Raises:
            NoSpaceError, ReadOnlyError, SyncError: the board's file system refused it; what was
                there still is.
            TransferError: what the board has stored is not what was sent.
        """
        told = progress or (lambda done: None)
        self.run([Step("put", path, data)], lambda path, done: told(done))

    def run(
        self, steps: Sequence[Step], progress: Callable[[str, int], object] | None = None
    ) -> None:
        """Do many things in order, as many with one request as fit.

        Args:
            steps: what to do.
            progress: called with a path, and how many bytes of it are done.

        Raises:
            NoSpaceError, ReadOnlyError, TransferError, SyncError: of the first that failed, with
                its path. Those before it are done, those behind it are not.
        """
        with self.alone() as session:
            transfer = Transfer(session, self._timeout, progress or (lambda path, done: None))
            transfer.room = min(transfer.room, self._room or transfer.room)
            try:
                transfer.run(steps)
            finally:
                self._room = transfer.room


def operation(what: int, *args: Any, label: str) -> Operation:
    """A request to :mod:`belay.onboard.files`."""
    return Operation(b"F", (what, *args), "files", label)


def _kind_of(digest: bytes) -> str:
    return "crc32" if len(digest) == 4 else "sha256"


def _read_entries(entries: list[Any], manifest: BoardManifest, hashes: bool) -> None:
    """Put what the board told into a manifest."""
    folder = manifest.root
    for entry in entries:
        if isinstance(entry, str):
            folder = entry
            manifest.folders.add(folder)
            continue
        name, size, rest = entry
        file = BoardFile(size, rest) if hashes else BoardFile(size, modified=rest)
        manifest.files[f"{folder.rstrip('/')}/{name}"] = file
        if hashes:
            manifest.hash_name = _kind_of(rest)
