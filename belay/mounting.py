# SPDX-License-Identifier: Apache-2.0
"""Folders of this computer on the board, for as long as the board is connected."""

from __future__ import annotations

import functools
import itertools
import os
import weakref
from collections.abc import Callable
from types import TracebackType
from typing import TYPE_CHECKING, Any

from belay import errors
from belay.session.onboard import raw_deflate
from belay.session.operations import perform
from belay.session.requests import Operation

if TYPE_CHECKING:
    from typing_extensions import Self  # in typing from Python 3.11 on

    from belay.hostfolder import HostFolder
    from belay.session.session import Session
    from belay.source.linemap import SourceMap

__all__ = ["Mount", "Mounting", "Mounts", "mount_point"]

_NOBODY, _DEFLATED = b"\x13", b"\xff"
"""Answers in place of a :class:`HostFolder`'s: ENODEV; and what begins a deflated one."""

_MORE = 3
"""So many times the room of an answer may fit into it, deflated."""

_DEFLATE_FROM = 160

MOUNT = b"M"
"""``(where, number, whether import looks there)`` of :mod:`belay.onboard.mount`; 0 unmounts."""


class Mount:
    """A folder of this computer that the board sees; made by :meth:`belay.Device.mount`.

    As a context manager it is taken away at the end of the block.

    Attributes:
        at: where on the board.
        folder: which folder, absolute and with links resolved.
        readonly: the board cannot change it.
        active: False once it was taken away.
    """

    def __init__(self, device: Mounting, at: str, host: HostFolder, number: int) -> None:
        self._mounts = device._mounts
        self.at = at
        self.folder = host.root
        self.readonly = host.readonly
        self.active = True
        self._device = weakref.ref(device)  # which holds this
        self._number = number

    @property
    def questions(self) -> int:
        """How often the board has asked for something of it: each time is a round trip."""
        return self._mounts.questions[self._number]

    def umount(self) -> None:
        """Take it away. Calling it again, or when the Device is closed, does nothing."""
        device = self._device()
        if self.active and device is not None:
            device.umount(self.at)
        self.active = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        try:
            self.umount()
        except errors.ConnectionFailedError:
            if error is None:  # else the block has ended in that already
                raise

    def __repr__(self) -> str:
        kind = "read-only" if self.readonly else "writable"
        return f"<Mount {self.folder} at {self.at} ({kind if self.active else 'unmounted'})>"


class Mounts:
    """What of this computer a board may see. It must not refer to the Device: sessions hold it.

    Attributes:
        by_place: by where the board sees them.
        questions: how many the board has asked, by the number of the folder.
    """

    def __init__(self) -> None:
        self.by_place: dict[str, Mount] = {}
        self.questions: dict[int, int] = {}
        self._folders: dict[int, HostFolder] = {}
        self._numbers = itertools.count(1)

    def add(self, host: HostFolder) -> int:
        """Let a board ask for a folder; the number that it asks with."""
        number = next(self._numbers)
        self.questions[number] = 0
        self._folders[number] = host
        return number

    def remove(self, number: int) -> None:
        """Answer for it no more."""
        self._folders.pop(number, None)

    def answer(self, question: list[Any], room: int, deflate: bool) -> bytes:
        """Answer a board's question: ``[number of the folder, what, path, …]``.

        Args:
            question: it.
            room: most bytes of the answer.
            deflate: the board can inflate; then more may go into that.
        """
        number = question[0] if question and type(question[0]) is int else 0
        host = self._folders.get(number)
        if host is None:
            return _NOBODY
        self.questions[number] += 1
        answer = host.answer(question[1:], _MORE * room if deflate else room)
        if deflate and answer[0] == 0 and len(answer) > _DEFLATE_FROM:
            packed = _DEFLATED + raw_deflate(answer[1:])
            if len(packed) <= min(room, len(answer)):
                return packed
        # What is long has changed nothing, so it may be asked for twice.
        return answer if len(answer) <= room else host.answer(question[1:], room)


class Mounting:
    """The part of a Device that shows folders of this computer to the board."""

    _session: Session
    _sources: SourceMap

    if TYPE_CHECKING:

        def _ask(
            self, method: Callable[..., Any], argument: Any, stream_out: Any, timeout: float | None
        ) -> Any: ...
        def _record(self, kind: str, key: str, replay: Callable[[Any], object]) -> None: ...
        def _refuse_closed(self) -> None: ...

    @functools.cached_property
    def _mounts(self) -> Mounts:
        return Mounts()

    def mount(
        self,
        folder: str | os.PathLike[str],
        at: str = "/remote",
        readonly: bool = True,
        *,
        importing: bool = True,
    ) -> Mount:
        """Let the board see a folder of this computer, as it is at every moment.

        Code on the board lists, opens and imports what is in it, while a call of this Device runs
        there. It reaches nothing outside of the folder: links that lead out of it do not work.
        The board is connected again with it, and :meth:`close` takes it away.

        Args:
            folder: which.
            at: where the board sees it: a name below ``/``. What the board has there is hidden.
            readonly: the board cannot change it. With False it can write, rename and remove
                whatever is in the folder.
            importing: ``import`` looks there first.

        Returns:
            What takes it away, also as a context manager.

        Raises:
            NotADirectoryError, FileNotFoundError: ``folder`` is none.
            ValueError: ``at`` is no such name, or in use.
            FeatureUnavailableError: the board cannot mount file systems, or has no room for the
                agent.
        """
        from belay.hostfolder import HostFolder

        self._refuse_closed()
        if not self._session.agent:
            raise errors.FeatureUnavailableError(
                "this board has no room for belay's agent, which asks for what is in a folder"
            )
        if not os.path.isdir(folder):
            kind = NotADirectoryError if os.path.exists(folder) else FileNotFoundError
            raise kind(f"{os.fspath(folder)!r} is no folder of this computer")
        at = mount_point(at)
        if at in self._mounts.by_place:
            there = self._mounts.by_place[at]
            raise ValueError(f"{there!r} is there already; umount it first")
        host = HostFolder(folder, readonly=readonly, name=at)
        number = self._mounts.add(host)
        try:
            self._put_mount(at, number, importing)
        except BaseException:
            self._mounts.remove(number)
            raise
        made = self._mounts.by_place[at] = Mount(self, at, host, number)
        self._sources.add_folder(at, host.root)
        self._record("mount", f"{at}\n{number}", _again(at, number, importing))
        return made

    def umount(self, at: str = "/remote") -> None:
        """Take away what :meth:`mount` has put there.

        Args:
            at: where.

        Raises:
            ValueError: nothing is there.
        """
        at = mount_point(at)
        mount = self._mounts.by_place.pop(at, None)
        if mount is None:
            raise ValueError(f"nothing is mounted at {at}")
        mount.active = False
        self._mounts.remove(mount._number)
        if not self._session.closed:
            self._put_mount(at, 0, False)

    def _put_mount(self, at: str, number: int, importing: bool) -> None:
        session, mounts = self._session, self._mounts  # after a reconnect it is a new one
        deflate = session.facts.deflate
        session.suppliers["mount"] = lambda asked, room: mounts.answer(asked, room, deflate)
        args = (at, number, importing)
        label = f"mounting at {at}"
        try:
            self._ask(perform, Operation(MOUNT, args, "mount", label), None, None)
        except errors.PyboardException as error:
            # CircuitPython's storage.mount has a TypeError for all but its own file systems.
            if error.type not in ("ImportError", "AttributeError", "TypeError"):
                raise
            raise errors.FeatureUnavailableError(
                "this board's firmware cannot mount file systems that are written in Python"
            ) from error


def _again(at: str, number: int, importing: bool) -> Callable[[Any], object]:
    def replay(device: Mounting) -> None:
        there = device._mounts.by_place.get(at)
        if there is not None and there._number == number:
            device._put_mount(at, number, importing)

    return replay


def mount_point(at: str) -> str:
    """A place on the board for a folder of this computer, in its normal form.

    Raises:
        ValueError: there can be none.
    """
    if not isinstance(at, str):
        raise TypeError(f"at must be a str, not {at!r}")
    name = at.strip("/")
    if not at.startswith("/") or "/" in name or name in ("", ".", ".."):
        raise ValueError(f"at={at!r}: give one name below /, such as /remote")
    return f"/{name}"
